"""The price ticker of the Python examples, with a page that shows it.

uvicorn --app-dir . web.client.examples.page.app:app
"""

from pathlib import Path

from fastapi.staticfiles import StaticFiles

from examples.prices import app

FOLDER = Path(__file__).parent

app.mount("/client", StaticFiles(directory=FOLDER.parent.parent / "dist"))
app.mount("/", StaticFiles(directory=FOLDER, html=True))
