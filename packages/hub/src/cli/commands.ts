import type { Command } from './command.ts';
import { doctorCommand } from './doctor.ts';
import { keyCommands, userCommands } from './nouns/access.ts';
import { backupCommands } from './nouns/backup.ts';
import { controlCommands } from './nouns/control.ts';
import { decisionCommands, haltCommands } from './nouns/decision.ts';
import { entityCommands, levelCommands, socCommands } from './nouns/entity.ts';
import { epochCommands } from './nouns/epoch.ts';
import { eventCommands, queueCommands } from './nouns/event.ts';
import { guardCommands, importCommands } from './nouns/import.ts';
import { reportCommands } from './nouns/report.ts';
import { importTaxonomyCommand, taxonomyCommands } from './nouns/taxonomy.ts';
import { trailCommands } from './nouns/trail.ts';
import { valueCommands } from './nouns/value.ts';

/** Every command. Help, the reference and the parser follow from this table. */
export const commands: readonly Command[] = [
  ...entityCommands,
  ...socCommands,
  ...userCommands,
  ...keyCommands,
  ...levelCommands,
  ...reportCommands,
  ...eventCommands,
  ...queueCommands,
  ...decisionCommands,
  ...controlCommands,
  ...valueCommands,
  ...haltCommands,
  ...importCommands,
  importTaxonomyCommand,
  ...taxonomyCommands,
  ...guardCommands,
  ...trailCommands,
  ...backupCommands,
  ...epochCommands,
  doctorCommand,
];
