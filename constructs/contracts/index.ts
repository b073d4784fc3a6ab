export * from './connections.ts';
export * from './consumer.ts';
export * from './data.ts';
export * from './endpoint.ts';
export * from './gateway.ts';
export * from './observable.ts';
export * from './secret.ts';
export * from './team.ts';
