"""The runner. ASSEMBLY (order):

    line = Trunkline(authenticate=..., authorize=access.authorize)      # access = AgentsAccess(database)
    database = Database(settings.database_url, publish=line.send)      # "sqlite:///path" or a Path
    runs = RunService(database)
    runner = Runner(runs, catalog, line.publish)                        # catalog: ModelCatalog
    agents = AgentService(database, runner); threads = ThreadService(database, runner)
    chat = ChatService(database, threads, runner)
    register_snapshots(line, SnapshotSources...); register_calls(line, database, chat, runner)

    start:  await database.migrate(); async with line: await database.start(); await runner.start()  (recovers)
    stop:   await runner.stop(); await database.stop(); (line stops)
"""
from trunkline.agents.events import Run

class Runner:
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def submit(self, scope: str, thread_id: int) -> Run:
        """REST: POST /threads/{id}/run. Raises NotFound, Conflict (busy, or nothing to answer), RequestError rate_limited when too many wait."""
        raise NotImplementedError
    async def cancel(self, scope: str, run_id: int) -> Run:
        """Ends when the run has ended; a run that had ended before is returned as it is."""
        raise NotImplementedError
