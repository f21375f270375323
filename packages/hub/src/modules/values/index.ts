export { embeddedIpv4, type Ip, type Net, netContains, parseIp, parseNet, printIp, printNet } from './address.ts';
export { canonicalise, canonicaliseKind, otherMaxBytes, ruleMaxBytes } from './canonical.ts';
export { isPublicSuffix, registrableDomain } from './domain.ts';
export { extract, type Own } from './extract.ts';
export { extractMaxChars, type Finding, type FindingContext, findingsMax } from './finding.ts';
export { isEmptyContentHash } from './hash.ts';
export { type Canonical, type NotCanonical, type ValueFlag, type ValueKind, valueKinds } from './kinds.ts';
export { type Refanged, refang } from './refang.ts';
export { attributeTypes, type Category, categories, defaultsFor, isCategory, isType, type TypeDefaults, typesOf } from './vocabulary.ts';
