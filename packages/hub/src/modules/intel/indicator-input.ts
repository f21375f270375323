import { defaultsFor } from '#values';
import { guessType } from './codecs/index.ts';
import type { DraftAttribute } from './draft.ts';
import { fail } from './errors.ts';

export type IndicatorInput = {
  value: string;
  type?: string;
  category?: string;
  comment?: string;
  toIds?: boolean;
  firstSeen?: string;
  lastSeen?: string;
  tags?: { name: string }[];
};

/** One indicator as the native API takes it; without a type it is told by the value's looks. `field` names it in refusals. */
export function attributeOf(input: IndicatorInput, field: string): DraftAttribute {
  const guessed = input.type === undefined ? guessType(input.value) : { type: input.type, value: input.value };
  if (guessed === undefined)
    throw fail('intel.value_invalid', `The type of ${field} cannot be told from its value.`, [
      { field: `${field}.type`, message: 'name the type' },
    ]);
  if (defaultsFor(guessed.type) === undefined)
    throw fail('intel.value_invalid', `The type ${guessed.type} is unknown.`, [
      { field: `${field}.type`, message: 'is no MISP attribute type' },
    ]);
  const { value: _value, type: _type, tags, ...rest } = input;
  return { ...rest, ...guessed, tags: tags ?? [] };
}
