import { type Tlp, tlps } from '@rebato/contract';
import { narrowerTlp } from '../taxonomies/markings.ts';
import { isObject, type JsonObject } from './json.ts';

/** Fixed identifiers of the TLP 1 markings (STIX 2.1, section 7.2.1.4) and of the TLP 2.0 extension (OASIS common objects). */
const tlpByMarking = new Map<string, Tlp>([
  ['613f2e26-407d-48c7-9eca-b8e91df99dc9', 'clear'],
  ['34098fce-860f-48ae-8e50-ebd3cc5e41da', 'green'],
  ['f88d31f6-486f-44da-b317-01333bde0b82', 'amber'],
  ['5e57c739-391a-4eb3-b6be-7d15ca92d5ed', 'red'],
  ['94868c89-83c2-464b-929b-a1a8aa3c8487', 'clear'],
  ['bab4a63c-aed9-4cf5-a766-dfca5abac2bb', 'green'],
  ['55d920b0-5e8b-4f79-9ee9-91f868d9b421', 'amber'],
  ['939a9414-2ddd-4d32-a0cd-375ea402b003', 'amber+strict'],
  ['e828b379-4e03-4974-9ac4-e53a884c97c1', 'red'],
]);

const tlp2Ids: Readonly<Record<Tlp, string>> = {
  clear: 'marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487',
  green: 'marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb',
  amber: 'marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421',
  'amber+strict': 'marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003',
  red: 'marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1',
};
const tlp2Extension = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d';

export const tlp2Id = (tlp: Tlp): string => tlp2Ids[tlp];

/** The marking definition exactly as OASIS publishes it: consumers compare it field by field. */
export function tlp2Definition(tlp: Tlp): JsonObject {
  return {
    type: 'marking-definition',
    spec_version: '2.1',
    id: tlp2Ids[tlp],
    created: '2022-10-01T00:00:00.000Z',
    name: `TLP:${tlp.toUpperCase()}`,
    extensions: { [tlp2Extension]: { extension_type: 'property-extension', tlp_2_0: tlp } },
  };
}

/** Levels of the marking definitions that a bundle brings itself, besides the fixed ones. Any other marking says nothing about TLP. */
export function tlpDefinitions(objects: readonly JsonObject[]): ReadonlyMap<string, Tlp> {
  const known = new Map<string, Tlp>();
  for (const [uuid, tlp] of tlpByMarking) known.set(`marking-definition--${uuid}`, tlp);
  for (const object of objects) {
    if (object.type !== 'marking-definition' || typeof object.id !== 'string' || known.has(object.id)) continue;
    const said = isObject(object.definition) && object.definition_type === 'tlp' ? object.definition.tlp : extensionLevel(object);
    if (said === undefined) continue;
    const word = String(said).toLowerCase();
    // Whoever marks with a level that nobody knows wants a limit: the narrowest.
    known.set(object.id, word === 'white' ? 'clear' : (tlps.find((tlp) => tlp === word) ?? 'red'));
  }
  return known;
}

function extensionLevel(object: JsonObject): unknown {
  const extension = isObject(object.extensions) ? object.extensions[tlp2Extension] : undefined;
  return isObject(extension) ? extension.tlp_2_0 : undefined;
}

/** The narrowest level on an object. A granular marking counts for the whole object, since a part cannot be shown without saying there is one. */
export function tlpOfObject(object: JsonObject, definitions: ReadonlyMap<string, Tlp>): Tlp | undefined {
  const refs = [...strings(object.object_marking_refs)];
  if (Array.isArray(object.granular_markings))
    for (const marking of object.granular_markings)
      if (isObject(marking) && typeof marking.marking_ref === 'string') refs.push(marking.marking_ref);
  let tlp: Tlp | undefined;
  for (const ref of refs) {
    const level = definitions.get(ref);
    if (level !== undefined) tlp = narrowerTlp(tlp, level);
  }
  return tlp;
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
