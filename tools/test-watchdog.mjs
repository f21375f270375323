// Loaded into the process of every test file. When its tests are over and something still keeps it alive, it says what, and fails.
const limitMs = Number(process.env.REBATO_TEST_FILE_MAX_MS ?? 5 * 60_000);
setTimeout(() => {
  process.stderr.write(`Still running after ${limitMs} ms. Open: ${process.getActiveResourcesInfo().join(', ')}\n`);
  process.exit(1);
}, limitMs).unref();
