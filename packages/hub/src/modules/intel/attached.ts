import { attachmentName } from './codecs/index.ts';
import type { DraftAttachment } from './draft.ts';
import type { JudgedAttribute } from './normalise.ts';

/**
 * The attribute whose bytes each file is, by its UUID or, where the source gave none, by the name that the attribute's value says; undefined for
 * a file that stands by itself. Attributes of one name take the files of that name in order.
 */
export function attributesOfFiles(
  files: readonly DraftAttachment[],
  attributes: readonly JudgedAttribute[],
): readonly (JudgedAttribute | undefined)[] {
  if (files.length === 0) return [];
  const byUuid = new Map<string, JudgedAttribute>();
  const byName = new Map<string, JudgedAttribute[]>();
  for (const attribute of attributes) {
    const { uuid, type, value } = attribute.draft;
    if (uuid !== undefined) {
      if (!byUuid.has(uuid)) byUuid.set(uuid, attribute);
    } else if (type === 'attachment' || type === 'malware-sample') {
      const name = attachmentName(type === 'malware-sample' ? (value.split('|', 1)[0] ?? '') : value);
      const same = byName.get(name);
      if (same === undefined) byName.set(name, [attribute]);
      else same.push(attribute);
    }
  }
  return files.map((file) => (file.attributeUuid === undefined ? byName.get(file.name)?.shift() : byUuid.get(file.attributeUuid)));
}
