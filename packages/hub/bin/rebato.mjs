#!/usr/bin/env node
import { run } from '../../../tools/run.mjs';

await run('hub', process.argv.slice(2));
