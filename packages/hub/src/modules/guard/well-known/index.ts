export type { WellKnownGroup } from './group.ts';

import { delivery } from './delivery.ts';
import type { WellKnownGroup } from './group.ts';
import { naming } from './naming.ts';
import { platforms } from './platforms.ts';
import { spain } from './spain.ts';

export const wellKnownGroups: readonly WellKnownGroup[] = [...naming, ...platforms, ...delivery, ...spain];
