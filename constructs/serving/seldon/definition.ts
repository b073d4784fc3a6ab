/** JSON schema of a field, in the words of a CustomResourceDefinition. */
type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const integer: Schema = { type: 'integer', format: 'int32' };
const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const quantity: Schema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  'x-kubernetes-int-or-string': true,
};
const texts: Schema = { type: 'object', additionalProperties: text };
const list = (items: Schema): Schema => ({ type: 'array', items });
const one = (...values: readonly string[]): Schema => ({ type: 'string', enum: values });
const object = (properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
});

const endpoint = object({
  type: one('REST', 'GRPC'),
  service_host: text,
  service_port: integer,
  httpPort: integer,
  grpcPort: integer,
});

const resources = object({
  limits: { type: 'object', additionalProperties: quantity },
  requests: { type: 'object', additionalProperties: quantity },
});

/** A node of the graph. Schemas can't refer to themselves, so the depth is the release's own. */
const unit = (depth: number): Schema =>
  object(
    {
      name: { type: 'string', minLength: 1 },
      type: one('UNKNOWN_TYPE', 'ROUTER', 'COMBINER', 'MODEL', 'TRANSFORMER', 'OUTPUT_TRANSFORMER'),
      implementation: text,
      methods: list(text),
      endpoint,
      parameters: list(object({ name: text, type: text, value: text }, 'name', 'type', 'value')),
      modelUri: text,
      serviceAccountName: text,
      envSecretRefName: text,
      storageInitializerImage: text,
      logger: object({ mode: text, url: text }),
      ...(depth === 0 ? {} : { children: list(unit(depth - 1)) }),
    },
    'name',
  );

const metricTarget = object(
  { type: text, averageUtilization: integer, averageValue: quantity, value: quantity },
  'type',
);

const hpa = object(
  {
    minReplicas: { ...integer, minimum: 1 },
    maxReplicas: { ...integer, minimum: 1 },
    metricsv2: list(
      object(
        {
          type: text,
          resource: object({ name: text, target: metricTarget }, 'name', 'target'),
          containerResource: object(
            { name: text, container: text, target: metricTarget },
            'name',
            'container',
            'target',
          ),
        },
        'type',
      ),
    ),
  },
  'maxReplicas',
);

const component = object({
  metadata: object({ labels: texts, annotations: texts }),
  replicas: { ...integer, minimum: 0 },
  hpaSpec: hpa,
  pdbSpec: object({ minAvailable: quantity, maxUnavailable: quantity }),
  // A pod, whatever fields the release of Kubernetes has.
  spec: open,
});

const predictor = object(
  {
    name: { type: 'string', minLength: 1, maxLength: 63 },
    graph: unit(4),
    componentSpecs: list(component),
    replicas: { ...integer, minimum: 0 },
    annotations: texts,
    labels: texts,
    engineResources: resources,
    svcOrchSpec: object({
      replicas: integer,
      resources,
      env: list(object({ name: text, value: text, valueFrom: open }, 'name')),
    }),
    traffic: { ...integer, minimum: 0, maximum: 100 },
    shadow: flag,
    progressDeadlineSeconds: integer,
    ssl: object({ certSecretName: text }),
  },
  'name',
  'graph',
);

const named = (name: string): string => `${name}.machinelearning.seldon.io`;

/**
 * Seldon Core's custom kind, version v1, with Seldon's own fields typed: one object of wrong types that gets past the
 * API server stops the operator for every namespace, which then still looks ready.
 */
export const seldonDeploymentDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: named('seldondeployments') },
  spec: {
    group: 'machinelearning.seldon.io',
    scope: 'Namespaced',
    names: {
      kind: 'SeldonDeployment',
      listKind: 'SeldonDeploymentList',
      plural: 'seldondeployments',
      singular: 'seldondeployment',
      shortNames: ['sdep'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: {
          openAPIV3Schema: object({
            apiVersion: text,
            kind: text,
            metadata: { type: 'object' },
            spec: object(
              {
                name: text,
                predictors: { ...list(predictor), minItems: 1 },
                annotations: texts,
                protocol: one('seldon', 'tensorflow', 'kfserving', 'v2'),
                transport: one('rest', 'grpc'),
                replicas: { ...integer, minimum: 0 },
                serverType: text,
                oauth_key: text,
                oauth_secret: text,
              },
              'predictors',
            ),
            // The operator's own; nobody else writes it.
            status: open,
          }),
        },
      },
    ],
  },
} as const;
