import { autoPrefix, widestPrefix } from './limits.ts';
import { paceLimits } from './pace.ts';
import { blockable, type GuardRule } from './verdict.ts';
import { wellKnownGroups } from './well-known/index.ts';

type RuleText = { readonly guards: string; readonly outcome: 'refused' | 'held' | 'refused or held' };

/** In the order in which they are asked. A rule without a line does not compile. */
export const ruleTexts: Readonly<Record<GuardRule, RuleText>> = {
  canonical: { guards: 'whatever is not in its one canonical spelling', outcome: 'refused' },
  special_purpose: {
    guards: 'private, loopback, link-local, documentation, multicast and reserved addresses and names, also inside IPv6 forms',
    outcome: 'refused',
  },
  prefix_width: {
    guards: `networks wider than /${autoPrefix[4]} or /${autoPrefix[6]} (IPv6) are held, wider than /${widestPrefix[4]} or /${widestPrefix[6]} refused`,
    outcome: 'refused or held',
  },
  public_suffix: { guards: 'names under which everybody can register, registries and hosting companies alike', outcome: 'refused' },
  reverse_zone: { guards: 'the reverse tree', outcome: 'refused' },
  single_label: { guards: 'top-level domains and local names', outcome: 'refused' },
  own_host: { guards: 'the hosts of the network itself, what is beneath them and the names above them', outcome: 'refused' },
  member_asset: { guards: "members' declared ranges, domains, mailboxes: themselves, what is inside, what contains them", outcome: 'held' },
  well_known: {
    guards: 'services that many people need at once (list below); the root of the name system is refused',
    outcome: 'refused or held',
  },
  shared_host: { guards: 'hosts with the content of many customers: a full URL passes, the host is held', outcome: 'held' },
  warning_list: { guards: 'imported warning lists and top lists', outcome: 'held' },
  empty_hash: { guards: 'digests of empty files', outcome: 'refused' },
  match_all: { guards: 'file names, mutexes and registry keys that match everything', outcome: 'refused' },
  mail_domain: { guards: 'whole mail domains', outcome: 'refused' },
  asn: { guards: 'autonomous systems: reserved numbers are refused, the others held', outcome: 'refused or held' },
  spread: { guards: 'networks that add up to a wide one, with what is blocked already', outcome: 'held' },
  rate: {
    guards: `events that add more than ${paceLimits.step} blocks, or ${paceLimits.stepShare * 100} % of a list, in one step; a source that makes more than ${paceLimits.sourcePerHour} blocks in an hour, or everybody together more than ${paceLimits.networkPerHour}, and more than ${paceLimits.factor} times the usual. Not for sources that an auto-rule declares a feed`,
    outcome: 'held',
  },
  pap: { guards: 'PAP:AMBER and PAP:RED', outcome: 'refused' },
  tlp: { guards: 'TLP:RED', outcome: 'refused' },
  kind: { guards: 'kinds that no control can block', outcome: 'refused' },
};

/** The guard's rules and its built-in table as Markdown, for the generated reference. */
export function guardRulesMarkdown(): string {
  const kinds = Object.entries(blockable)
    .filter(([, can]) => can)
    .map(([kind]) => `\`${kind}\``);
  const rules = Object.entries(ruleTexts).map(([rule, { guards, outcome }]) => `| \`${rule}\` | ${guards} | ${outcome} |`);
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
