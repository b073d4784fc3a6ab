export { type DnsServer, kubeDns, PlinthNamespace, type PlinthNamespaceProps } from './namespace.ts';
export { Team, type TeamProps } from './team.ts';
