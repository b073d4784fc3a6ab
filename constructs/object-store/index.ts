export { ExternalS3, type ExternalS3Props } from './external.ts';
export { SeaweedStore, type SeaweedStoreProps } from './in-cluster.ts';
