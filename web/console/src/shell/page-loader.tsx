import { Center, Loader } from "@mantine/core";

/** What stands where a page is about to be. */
export function PageLoader() {
  return (
    <Center mih={240} role="status" aria-label="Loading">
      <Loader type="dots" />
    </Center>
  );
}
