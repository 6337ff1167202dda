/**
 * The one description of the configuration file. The types, the checks, the errors' examples and the JSON schema for
 * editors (`holdfast.schema.json`) all come from here. Nothing is read here but what is handed in: a secret's reference
 * is turned into its value by the {@link SecretReader} of `load.ts`.
 */
import { z } from 'zod';
import { SEVERITIES } from '../domain/notice.js';
import { secret, type Secret } from '../domain/secret.js';
import { parseDuration } from './duration.js';

/** Where a secret comes from. */
export type SecretRef = { readonly env: string } | { readonly file: string };

/** Gets the value behind a reference, or says in one sentence why it cannot. */
export type SecretReader = (
  ref: SecretRef,
) => { readonly is: 'found'; readonly value: string } | { readonly is: 'missing'; readonly why: string };

/** For uses that need the shape only, such as the JSON schema. */
export const noSecrets: SecretReader = () => ({ is: 'found', value: '' });

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const URI = /^[a-z][a-z0-9+.-]*:\/[^\s]*$/i;
const HOST_PORT = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:\d{1,5}$/;

const named = <T extends z.ZodType>(what: string, value: T) =>
  z.record(z.string().regex(NAME, `expected ${what} of letters, digits, '.', '_' and '-'`), value);

const text = (what: string, example: string) =>
  z
    .string(`expected ${what}`)
    .min(1, `expected ${what}`)
    .meta({ examples: [example] });

const matching = (pattern: RegExp, what: string, example: string) =>
  z
    .string(`expected ${what}`)
    .regex(pattern, `expected ${what}`)
    .meta({ examples: [example] });

const uri = (what: string, example: string) => matching(URI, `${what}: a full URI with its scheme`, example);
const absolutePath = (what: string, example: string) =>
  matching(/^\/(?!.*(^|\/)\.\.(\/|$))/, `${what}: an absolute path without '..'`, example);

const hostPort = (what: string, example: string) => matching(HOST_PORT, `${what} as host:port`, example);

const baseUrl = (what: string, example: string) =>
  z
    .string(`expected ${what} as http://host:port`)
    .refine((value) => {
      if (!URL.canParse(value)) return false;
      const url = new URL(value);
      return (
        /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === ''
      );
    }, `expected ${what} as http://host:port or https://host:port, without user, password or query`)
    .meta({ examples: [example] })
    .transform((value) => value.replace(/\/+$/, ''));

const list = <T extends z.ZodType>(item: T, what: string, example: unknown) =>
  z
    .array(item, `expected a list of ${what}`)
    .min(1, `expected at least one of ${what}`)
    .meta({ examples: [example] });

const argumentList = (what: string, example: readonly string[]) =>
  z
    .array(
      z.string('expected text: quote numbers'),
      `expected ${what} as a list of arguments, never a shell line`,
    )
    .min(1, `expected ${what} as a list of arguments, the program first`)
    .meta({ examples: [example] });

const duration = (example: string) =>
  z
    .string('expected a duration with its unit, such as 500ms, 5s, 2m, 1h or 7d')
    .meta({ examples: [example] })
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== null) return ms;
      context.addIssue({
        code: 'custom',
        message: 'expected a duration with its unit, such as 500ms, 5s, 2m, 1h or 7d',
      });
      return z.NEVER;
    });

const wholeNumber = (from: number, example: number) =>
  z
    .int(`expected a whole number from ${from}`)
    .min(from, `expected a whole number from ${from}`)
    .meta({ examples: [example] });

const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, `expected one of ${values.join(', ')}`).meta({ examples: [values[0]] });

/** @param readSecret called for each secret while the file is checked, so that missing ones are reported with all else. */
export function fileSchema(readSecret: SecretReader) {
  const hidden = (example: SecretRef) =>
    z
      .union(
        [
          z.strictObject({ env: text('the name of a variable', 'NAME') }),
          z.strictObject({ file: text('a path', 'PATH') }),
        ],
        'expected {env: NAME} or {file: PATH}: secrets are never written into this file',
      )
      .meta({ examples: [example] })
      .transform((ref, context): Secret => {
        const found = readSecret(ref);
        if (found.is === 'found') return secret(found.value);
        context.addIssue({ code: 'custom', message: found.why, params: { shown: true } });
        return z.NEVER;
      });

  const tls = z
    .strictObject({
      ca: text('the path of a PEM file', 'certs/ca.pem')
        .optional()
        .describe('Certificates that are trusted.'),
      cert: text('the path of a PEM file', 'certs/client.pem').optional().describe('Client certificate.'),
      key: hidden({ file: 'certs/client.key' }).optional().describe('Key of the client certificate, PEM.'),
      serverName: text('a host name', 'nn1.example.com')
        .optional()
        .describe('Name expected in the certificate, when it is not the host.'),
    })
    .refine(
      (given) => (given.cert === undefined) === (given.key === undefined),
      'expected cert and key together',
    );

  const temporal = z
    .strictObject({
      address: hostPort('the address of the Temporal frontend', '127.0.0.1:7233').default('127.0.0.1:7233'),
      namespace: text('a namespace', 'default').default('default'),
      apiKey: hidden({ env: 'TEMPORAL_API_KEY' }).optional(),
      tls: tls.optional(),
      ui: baseUrl('the base URL of the Temporal UI', 'http://127.0.0.1:8233')
        .optional()
        .describe(
          'For links. Default: port + 1000 of an address on this machine (the dev server), else no links.',
        ),
    })
    .describe('The Temporal server that keeps the cases.');

  const webhdfs = z.strictObject({
    kind: z.literal('webhdfs', "expected 'webhdfs' or 'file'").default('webhdfs'),
    webhdfs: list(baseUrl('a NameNode', 'http://nn1:9870'), 'NameNodes', [
      'http://nn1:9870',
      'http://nn2:9870',
    ]),
    nameservice: matching(/^[A-Za-z0-9._-]+$/, 'a logical name', 'prod')
      .optional()
      .describe('Logical name in URIs: hdfs://prod/…'),
    authorities: z
      .array(
        matching(/^[A-Za-z0-9._-]+(:\d{1,5})?$/, 'host:port', 'nn1:8020'),
        'expected a list of host:port',
      )
      .optional()
      .meta({ examples: [['nn1:8020', 'nn2:8020']] })
      .describe(
        'What URIs may name besides the nameservice. Default: the hosts of webhdfs, bare and with 8020 and 9000.',
      ),
    user: text('a user name', 'flink').optional(),
    delegationToken: hidden({ file: 'secrets/hdfs.token' }).optional(),
    tls: tls.optional(),
    allow: list(absolutePath('a directory', '/flink'), 'directories that may be looked at', ['/flink']),
    scratch: absolutePath('a directory for probe files', '/flink/holdfast'),
    redirectHosts: z
      .array(
        matching(/^[A-Za-z0-9._-]+(:\d{1,5})?$/, 'host or host:port', 'dn1:9864'),
        'expected a list of hosts',
      )
      .default([])
      .meta({ examples: [['dn1', 'dn2']] })
      .describe('DataNodes that a redirect may lead to. Default: any host.'),
  });

  const files = z.strictObject({
    kind: z.literal('file', "expected 'webhdfs' or 'file'"),
    allow: list(absolutePath('a directory', '/var/flink'), 'directories that may be looked at', [
      '/var/flink',
    ]),
    scratch: absolutePath('a directory for probe files', '/var/flink/holdfast'),
  });

  const zookeeper = z.strictObject({
    servers: list(hostPort('a member', 'zk1:2181'), 'members', ['zk1:2181', 'zk2:2181', 'zk3:2181']),
    digest: hidden({ env: 'ZK_DIGEST' }).optional().describe('Digest authentication, user:password.'),
  });

  const kafka = z.strictObject({
    brokers: list(hostPort('a broker', 'k1:9092'), 'brokers', ['k1:9092']),
    tls: z.union([z.literal(true), tls], 'expected true, or {ca, cert, key, serverName}').optional(),
    sasl: z
      .strictObject({
        mechanism: oneOf(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: text('a user name', 'holdfast'),
        password: hidden({ env: 'KAFKA_PASSWORD' }),
      })
      .optional(),
  });

  const flink = z.strictObject({
    rest: list(baseUrl('a JobManager', 'http://jm:8081'), 'JobManagers', ['http://jm:8081']),
    auth: z
      .union(
        [
          z.strictObject({
            basic: z.strictObject({
              username: text('a user name', 'holdfast'),
              password: hidden({ env: 'FLINK_PASSWORD' }),
            }),
          }),
          z.strictObject({ bearer: hidden({ env: 'FLINK_TOKEN' }) }),
        ],
        'expected {basic: {username, password}} or {bearer}',
      )
      .optional(),
    tls: tls.optional(),
  });

  const cluster = z.strictObject({
    flink,
    ha: z
      .strictObject({
        zookeeper: text('a name under zookeeper', 'main'),
        root: absolutePath('high-availability.zookeeper.path.root', '/flink').default('/flink'),
        clusterId: absolutePath('high-availability.cluster-id', '/default').default('/default'),
        storageDir: uri('high-availability.storageDir', 'hdfs://prod/flink/ha'),
      })
      .optional()
      .describe("Flink's ZooKeeper HA. Left out: the cluster has none."),
    checkpoints: uri('the checkpoint directory', 'hdfs://prod/flink/checkpoints'),
    savepoints: uri('the savepoint directory', 'hdfs://prod/flink/savepoints').optional(),
    archive: uri('jobmanager.archive.fs.dir', 'hdfs://prod/flink/archive').optional(),
    heartbeatTimeout: duration('50s').default(50_000).describe("Flink's heartbeat.timeout."),
    sessionTimeout: duration('60s')
      .default(60_000)
      .describe("Flink's high-availability.zookeeper.client.session-timeout."),
    startCluster: argumentList('the command that starts the JobManager', ['systemctl', 'start', 'flink'])
      .optional()
      .describe('Left out: nobody here can start the JobManager.'),
  });

  const policy = z.strictObject({
    preset: oneOf(['strict', 'keep-going', 'observe']).default('strict'),
    attempts: z
      .union([wholeNumber(0, 10), z.literal('unlimited')], "expected a whole number from 0, or 'unlimited'")
      .optional()
      .meta({ examples: [10] }),
    backoff: z
      .strictObject({
        initial: duration('5s').optional(),
        factor: z
          .number('expected a number from 1')
          .min(1, 'expected a number from 1')
          .optional()
          .meta({ examples: [2.5] }),
        max: duration('30m').optional(),
        jitter: z
          .number('expected a share from 0 to 1')
          .min(0, 'expected a share from 0 to 1')
          .max(1, 'expected a share from 0 to 1')
          .optional()
          .meta({ examples: [0.2] }),
      })
      .optional(),
    stableFor: duration('2s').optional(),
    deadline: duration('6h').optional(),
    onExhausted: oneOf(['abort', 'ask', 'savepoint']).optional(),
    afterAbort: oneOf(['stay', 'fail']).optional(),
    fallback: oneOf(['never', 'checkpoint', 'savepoint']).optional(),
    maxStateAge: z
      .union([z.literal('none'), duration('24h')], "expected a duration such as 24h, or 'none'")
      .optional()
      .meta({ examples: ['24h'] }),
    onOffsetGap: oneOf(['ask', 'abort', 'accept']).optional(),
    onTransactionExpired: oneOf(['ask', 'accept']).optional(),
    onBlankRun: oneOf(['ask', 'report']).optional(),
    firstStart: z
      .union(
        [z.literal('ask'), z.strictObject({ kafkaFrom: oneOf(['earliest', 'latest']) })],
        "expected 'ask', or {kafkaFrom: earliest} or {kafkaFrom: latest}",
      )
      .optional()
      .meta({ examples: ['ask', { kafkaFrom: 'earliest' }] }),
    repairs: oneOf(['ask', 'never']).optional(),
    approval: oneOf(['never', 'always', 'fallback']).optional(),
    approvalExpires: duration('30m').optional(),
    resumeOffsets: oneOf(['own group', 'never']).optional(),
    verify: oneOf(['probe', 'all', 'list', 'read']).optional(),
    confirmAfter: duration('5s').optional(),
    confirm: z
      .strictObject({
        checkpointWithin: duration('10m')
          .optional()
          .describe('Default: 2 x checkpoint interval + checkpoint timeout of the run.'),
        check: argumentList('your own check', ['./check.sh']).optional().describe('Exit code 0 is a proof.'),
      })
      .optional(),
    tolerateFailedCheckpoints: wholeNumber(1, 5).optional(),
    checkpointOverdueAfter: z
      .number('expected a number of checkpoint intervals, above 0')
      .positive('expected a number of checkpoint intervals, above 0')
      .optional()
      .meta({ examples: [3] }),
    soak: duration('10m').optional(),
  });

  const jar = z.strictObject({
    jar: text('the path of a jar', './window-counts.jar'),
    entryClass: text('a class name', 'com.example.Counts').optional(),
    args: z
      .array(z.string('expected text: quote numbers'), 'expected a list of arguments')
      .default([])
      .meta({ examples: [['--window', '15m']] }),
    parallelism: wholeNumber(1, 4).optional(),
    flinkConfiguration: z
      .record(z.string(), z.string('expected text: quote numbers'), 'expected keys and texts')
      .default({})
      .meta({ examples: [{ 'pipeline.name': 'window counts' }] }),
  });

  const command = z.strictObject({
    command: argumentList('the command that submits the job', ['./submit.sh', '{restorePath}', '{runId}']),
    lookup: argumentList('the command that looks for a run id', ['./lookup.sh', '{runId}'])
      .optional()
      .describe('Prints none, pending, running or dead. Left out: an interrupted submission is for people.'),
  });

  const job = z.strictObject({
    cluster: text('a name under clusters', 'counts'),
    match: z
      .strictObject({
        name: text("Flink's name of the job", 'window counts').optional(),
        labels: z
          .record(z.string(), z.string('expected text: quote numbers'), 'expected labels and their values')
          .default({})
          .meta({ examples: [{ service: 'counts', team: 'ads' }] })
          .describe('Alerts with all of these labels are about this job.'),
      })
      .optional()
      .describe("How Flink's job is recognised. Default: its name is the name here."),
    launch: z
      .union([jar, command], 'expected {jar, entryClass, args} or {command, lookup}')
      .meta({ examples: [{ jar: './window-counts.jar', entryClass: 'com.example.Counts' }] }),
    kafka: z
      .strictObject({
        cluster: text('a name under kafka', 'main'),
        group: text('a consumer group', 'window-counts').optional(),
        topics: z
          .array(text('a topic', 'events'), 'expected a list of topics')
          .default([])
          .meta({ examples: [['events']] })
          .describe(
            'Topics that the job reads. Needed only to start it from nothing when no state names them.',
          ),
        sink: z
          .strictObject({
            guarantee: oneOf(['at-least-once', 'exactly-once']),
            transactionTimeout: duration('15m')
              .default(900_000)
              .describe("The sink's transaction.timeout.ms."),
          })
          .optional(),
      })
      .optional(),
    policy: policy.default({ preset: 'strict' }),
  });

  const intake = z
    .strictObject({
      host: text('an address to listen on', '127.0.0.1').default('127.0.0.1'),
      port: z
        .int('expected a port from 0 to 65535')
        .min(0, 'expected a port from 0 to 65535')
        .max(65_535, 'expected a port from 0 to 65535')
        .default(9480)
        .meta({ examples: [9480] })
        .describe('0: any free port.'),
      bearer: hidden({ env: 'HOLDFAST_INTAKE_TOKEN' })
        .optional()
        .describe('Senders show it as a bearer token.'),
      hmac: hidden({ env: 'HOLDFAST_INTAKE_KEY' })
        .optional()
        .describe('Senders sign the body with it: HMAC-SHA256 in x-holdfast-signature.'),
    })
    .describe('Where alerts come in.');

  const limits = z
    .strictObject({
      restores: wholeNumber(1, 2).default(2).describe('Restores at the same time, per worker.'),
      nameNodeCalls: wholeNumber(1, 50).default(50).describe('NameNode calls a second, per worker.'),
      steps: wholeNumber(1, 20).default(20).describe('Quick steps at the same time, per worker.'),
    })
    .describe('Limits of one worker.');

  const minSeverity = oneOf(SEVERITIES)
    .default('warning')
    .describe('Less urgent notices are not sent there.');
  const noticeUrl = hidden({ env: 'HOLDFAST_NOTICE_URL' })
    .refine(
      (url) => URL.canParse(url.reveal()) && /^https?:/.test(url.reveal()),
      'expected a secret that holds an http or https URL',
    )
    .describe('Often holds a token, so it is a secret.');
  const notice = z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('webhook'),
      url: noticeUrl,
      bearer: hidden({ env: 'HOLDFAST_NOTICE_TOKEN' }).optional().describe('Sent as a bearer token.'),
      minSeverity,
    }),
    z.strictObject({ kind: z.literal('slack'), url: noticeUrl, minSeverity }),
    z.strictObject({
      kind: z.literal('pagerduty'),
      routingKey: hidden({ env: 'PAGERDUTY_ROUTING_KEY' }).describe('Integration key of the service.'),
      url: noticeUrl.optional().describe("Default: PagerDuty's Events API v2."),
      minSeverity,
    }),
  ]);

  return z.strictObject(
    {
      $schema: z.string().optional().describe('For editors.'),
      temporal: temporal.prefault({}),
      storage: named('a storage name', z.discriminatedUnion('kind', [webhdfs, files])).describe(
        'Where checkpoints are.',
      ),
      zookeeper: named('an ensemble name', zookeeper).default({}),
      kafka: named('a Kafka name', kafka).default({}),
      clusters: named('a cluster name', cluster).describe('Flink clusters.'),
      jobs: named('a job name', job).describe('Jobs that Holdfast may recover.'),
      intake: intake.prefault({}),
      limits: limits.prefault({}),
      notices: z.array(notice, 'expected a list of notices').default([]),
      stateDir: text('a directory', '.holdfast')
        .default('.holdfast')
        .describe('For files of this process, relative to this file.'),
    },
    'expected a configuration with storage, clusters and jobs',
  );
}

/** The file as written and checked: defaults filled in, durations in milliseconds, secrets read, paths not yet resolved. */
export type ConfigFile = z.output<ReturnType<typeof fileSchema>>;

/** JSON schema (draft 2020-12) of the file, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema(noSecrets), { io: 'input' }) as Record<string, unknown>;
  return { ...schema, title: 'Holdfast configuration' };
}
