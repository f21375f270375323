import { autoPrefix, widestPrefix } from './limits.ts';
import { blockable, type GuardRule } from './verdict.ts';
import { wellKnownGroups } from './well-known/index.ts';

type RuleText = { readonly rule: GuardRule; readonly guards: string; readonly outcome: 'refused' | 'held' | 'refused or held' };

/** In the order in which they are asked. The test compares this list with the type, so a rule without a line does not pass. */
export const ruleTexts: readonly RuleText[] = [
  { rule: 'canonical', guards: 'whatever is not in its one canonical spelling', outcome: 'refused' },
  {
    rule: 'special_purpose',
    guards: 'private, loopback, link-local, documentation, multicast and reserved addresses and names, also inside IPv6 forms',
    outcome: 'refused',
  },
  {
    rule: 'prefix_width',
    guards: `networks wider than /${autoPrefix[4]} or /${autoPrefix[6]} (IPv6) are held, wider than /${widestPrefix[4]} or /${widestPrefix[6]} refused`,
    outcome: 'refused or held',
  },
  { rule: 'public_suffix', guards: 'names under which everybody can register, registries and hosting companies alike', outcome: 'refused' },
  { rule: 'reverse_zone', guards: 'the reverse tree', outcome: 'refused' },
  { rule: 'single_label', guards: 'top-level domains and local names', outcome: 'refused' },
  { rule: 'own_host', guards: 'the hosts of the network itself, what is beneath them and the names above them', outcome: 'refused' },
  {
    rule: 'member_asset',
    guards: "members' declared ranges, domains, mailboxes: themselves, what is inside, what contains them",
    outcome: 'held',
  },
  {
    rule: 'well_known',
    guards: 'services that many people need at once (list below); the root of the name system is refused',
    outcome: 'refused or held',
  },
  { rule: 'shared_host', guards: 'hosts with the content of many customers: a full URL passes, the host is held', outcome: 'held' },
  { rule: 'warning_list', guards: 'imported warning lists and top lists', outcome: 'held' },
  { rule: 'empty_hash', guards: 'digests of empty files', outcome: 'refused' },
  { rule: 'match_all', guards: 'file names, mutexes and registry keys that match everything', outcome: 'refused' },
  { rule: 'mail_domain', guards: 'whole mail domains', outcome: 'refused' },
  { rule: 'asn', guards: 'autonomous systems: reserved numbers are refused, the others held', outcome: 'refused or held' },
  { rule: 'resolves', guards: 'names that point at something guarded', outcome: 'held' },
  { rule: 'spread', guards: 'batches of networks that add up to a wide one', outcome: 'held' },
  { rule: 'pap', guards: 'PAP:AMBER and PAP:RED', outcome: 'refused' },
  { rule: 'tlp', guards: 'TLP:RED', outcome: 'refused' },
  { rule: 'kind', guards: 'kinds that no control can block', outcome: 'refused' },
];

/** The guard's rules and its built-in table as Markdown, for the generated reference. */
export function guardRulesMarkdown(): string {
  const kinds = Object.entries(blockable)
    .filter(([, can]) => can)
    .map(([kind]) => `\`${kind}\``);
  const rules = ruleTexts.map(({ rule, guards, outcome }) => `| \`${rule}\` | ${guards} | ${outcome} |`);
  const groups = wellKnownGroups.map(({ id, reason, nets, names, vital, shared }) => {
    const how = vital === true ? 'refused' : shared === true ? 'host held, full URL passes' : 'held';
    return `| \`${id}\` | ${reason} | ${nets?.length ?? 0} | ${names?.length ?? 0} | ${how} |`;
  });
  return [
    '# What the guard refuses and holds',
    '',
    'Rules are asked in this order. *Held* values can be released by two people, *refused* ones by nobody.',
    '',
    '| Rule | Guards | Outcome |',
    '| --- | --- | --- |',
    ...rules,
    '',
    `Kinds that can be blocked: ${kinds.join(', ')}.`,
    '',
    '## Built-in well-known services',
    '',
    '| Group | A block would hit | Networks | Names | Outcome |',
    '| --- | --- | --- | --- | --- |',
    ...groups,
    '',
  ].join('\n');
}
