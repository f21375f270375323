// Stands for a member's own program behind the agent's `command` target: it takes JSON lines, keeps the set in a file, and tells what is loaded.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const path = process.argv[2];
let set = {};
try {
  set = JSON.parse(readFileSync(path, 'utf8'));
} catch {
  mkdirSync(dirname(path), { recursive: true });
}

let changed = false;
for (const line of readFileSync(0, 'utf8').split('\n')) {
  if (line === '') continue;
  const { op, kind, value, until } = JSON.parse(line);
  const key = `${kind} ${value}`;
  if (op === 'readback') {
    for (const entry of Object.values(set)) process.stdout.write(`${JSON.stringify({ kind: entry.kind, value: entry.value })}\n`);
  } else {
    if (op === 'add') set[key] = { kind, value, until };
    else delete set[key];
    changed = true;
  }
}
if (changed) {
  writeFileSync(`${path}.new`, JSON.stringify(set, null, 1));
  renameSync(`${path}.new`, path);
}
