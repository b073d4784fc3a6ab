export { PlinthNamespace, type PlinthNamespaceProps } from './namespace.ts';
