#!/usr/bin/env node
import { run } from '../../../tools/run.mjs';

await run('agent', process.argv.slice(2));
