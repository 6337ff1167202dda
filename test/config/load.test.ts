import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, parseConfig } from '../../config/load.js';
import { spellPath } from '../../config/problems.js';
import { jsonSchema } from '../../config/schema.js';
import { secretValues } from '../../config/secrets.js';
import { STRICT } from '../../domain/policy.js';

const example = readFileSync(new URL('../../config/holdfast.example.yaml', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parse = (text: string, env: Record<string, string> = {}) =>
  parseConfig(text, { file: join(folder, 'holdfast.yaml'), env });

function problemsOf(text: string, env: Record<string, string> = {}) {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((p) => ({ ...p, path: spellPath(p.path) }));
    throw error;
  }
  throw new Error('expected the configuration to be refused, and it was not');
}

/** The example with one piece of text replaced. */
function changed(from: string, to: string): string {
  if (!example.includes(from)) throw new Error(`the example has no ${from}`);
  return example.replace(from, to);
}

describe('notices', () => {
  test('PagerDuty has an address of its own, and everything is told from warning on', () => {
    const { notices } = parse(`${example}\nnotices: [{ kind: pagerduty, routingKey: {env: KEY} }]`, {
      KEY: 'k3y',
    });
    expect(notices).toMatchObject([{ kind: 'pagerduty', minSeverity: 'warning' }]);
    expect(notices[0]?.url.reveal()).toBe('https://events.pagerduty.com/v2/enqueue');
  });

  test('an address that is none is refused, and not shown', () => {
    const problems = problemsOf(`${example}\nnotices: [{ kind: slack, url: {env: HOOK} }]`, {
      HOOK: 't0ps3cret',
    });
    expect(problems).toMatchObject([{ path: 'notices[0].url' }]);
    expect(problems[0]?.message).toContain('an http or https URL');
    expect(JSON.stringify(problems)).not.toContain('t0ps3cret');
  });
});

describe('the example of the design', () => {
  const config = parse(example);

  test('loads as it is', () => {
    expect(config.storage['prod']).toMatchObject({
      kind: 'webhdfs',
      nameservice: 'prod',
      user: 'flink',
      allow: ['/flink'],
      redirectHosts: [],
    });
    expect(config.clusters).toHaveProperty('counts');
    expect(config.jobs).toMatchObject({
      'window-counts': {
        cluster: 'counts',
        match: { name: 'window counts' },
        launch: { kind: 'jar', jar: join(folder, 'window-counts.jar'), args: ['--window', '15m'] },
        kafka: { cluster: 'main', group: 'window-counts', sink: null, topics: [] },
        policy: { ...STRICT, attempts: 20, fallback: 'checkpoint' },
      },
    });
  });

  test('fills in what is left out', () => {
    expect(config.intake).toEqual({ host: '127.0.0.1', port: 9480 });
    expect(config.limits).toEqual({ restores: 2, nameNodeCalls: 50, steps: 20 });
    expect(config.temporal).toEqual({
      address: '127.0.0.1:7233',
      namespace: 'default',
      ui: 'http://127.0.0.1:8233',
    });
    expect(config.stateDir).toBe(join(folder, '.holdfast'));
    expect(config.clusters).toMatchObject({
      counts: { heartbeatTimeout: 50_000, sessionTimeout: 60_000, archive: null, startCluster: null },
    });
  });

  test('allows URIs by the hosts of the NameNodes and their usual ports', () => {
    expect(config.storage['prod']).toMatchObject({
      authorities: ['nn1', 'nn1:8020', 'nn1:9000', 'nn2', 'nn2:8020', 'nn2:9000'],
    });
  });
});

describe('errors', () => {
  test.each([
    {
      what: 'a number without a unit as a duration',
      text: changed('attempts: 20', 'stableFor: 5'),
      expected: { path: 'jobs.window-counts.policy.stableFor', found: '5', example: '2s' },
    },
    {
      what: 'a duration of an unknown unit',
      text: changed('attempts: 20', 'backoff: {initial: 5 sec}'),
      expected: { path: 'jobs.window-counts.policy.backoff.initial', found: '"5 sec"', example: '5s' },
    },
    {
      what: 'a key that is misspelled',
      text: changed('attempts: 20', 'atempts: 20'),
      expected: {
        path: 'jobs.window-counts.policy.atempts',
        message: 'unknown key: did you mean attempts?',
        found: null,
      },
    },
    {
      what: 'attempts below zero',
      text: changed('attempts: 20', 'attempts: -1'),
      expected: {
        path: 'jobs.window-counts.policy.attempts',
        message: 'expected a whole number from 0',
        found: '-1',
      },
    },
    {
      what: 'an unknown preset',
      text: changed('preset: strict', 'preset: brave'),
      expected: {
        path: 'jobs.window-counts.policy.preset',
        message: 'expected one of strict, keep-going, observe',
        found: '"brave"',
      },
    },
    {
      what: 'a job of a cluster that is not there',
      text: changed('cluster: counts', 'cluster: count'),
      expected: {
        path: 'jobs.window-counts.cluster',
        message: 'expected a name under clusters: there is counts',
        found: '"count"',
        example: 'counts',
      },
    },
    {
      what: 'a cluster of an ensemble that is not there',
      text: changed('zookeeper: main,', 'zookeeper: other,'),
      expected: { path: 'clusters.counts.ha.zookeeper', found: '"other"', example: 'main' },
    },
    {
      what: 'a job of a Kafka that is not there',
      text: changed('kafka: { cluster: main', 'kafka: { cluster: mian'),
      expected: { path: 'jobs.window-counts.kafka.cluster', found: '"mian"' },
    },
    {
      what: 'a URI of a host that no storage takes, with the mend',
      text: changed('checkpoints: hdfs://prod/', 'checkpoints: hdfs://namenode:54310/'),
      expected: {
        path: 'clusters.counts.checkpoints',
        message: expect.stringContaining("add authorities: ['namenode:54310'] to storage.prod") as string,
        found: '"hdfs://namenode:54310/flink/checkpoints"',
      },
    },
    {
      what: 'a URI outside the allowed paths',
      text: changed('savepoints: hdfs://prod/flink/', 'savepoints: hdfs://prod/flink-savepoints/'),
      expected: {
        path: 'clusters.counts.savepoints',
        message: expect.stringContaining('add /flink-savepoints/savepoints to its allow list') as string,
      },
    },
    {
      what: 'a scheme that no storage serves',
      text: changed('checkpoints: hdfs://prod', 'checkpoints: s3://bucket'),
      expected: {
        path: 'clusters.counts.checkpoints',
        message: expect.stringContaining("no storage serves 's3:'") as string,
      },
    },
    {
      what: 'a path without a scheme',
      text: changed('checkpoints: hdfs://prod/flink', 'checkpoints: /flink'),
      expected: {
        path: 'clusters.counts.checkpoints',
        message: 'expected the checkpoint directory: a full URI with its scheme',
        example: 'hdfs://prod/flink/checkpoints',
      },
    },
    {
      what: 'a missing field',
      text: changed('scratch: /flink/holdfast', 'user: x').replace('user: flink,', ''),
      expected: {
        path: 'storage.prod.scratch',
        message: "missing: expected a directory for probe files: an absolute path without '..'",
        found: null,
        example: '/flink/holdfast',
      },
    },
    {
      what: 'an unknown storage kind',
      text: changed('nameservice: prod,', 'nameservice: prod, kind: s3,'),
      expected: {
        path: 'storage.prod.kind',
        message: expect.stringContaining('webhdfs, file') as string,
        found: '"s3"',
      },
    },
    {
      what: 'a launch without jar and command',
      text: changed('jar: ./window-counts.jar, ', ''),
      expected: { path: 'jobs.window-counts.launch.jar', message: 'missing: expected the path of a jar' },
    },
    {
      what: 'a command as a shell line',
      text: changed(
        "{ jar: ./window-counts.jar, entryClass: com.example.Counts, args: ['--window', '15m'] }",
        '{ command: "flink run -s {restorePath}" }',
      ),
      expected: {
        path: 'jobs.window-counts.launch.command',
        message: expect.stringContaining('never a shell line') as string,
      },
    },
    {
      what: 'a launch command that is not told what to restore',
      text: changed(
        "{ jar: ./window-counts.jar, entryClass: com.example.Counts, args: ['--window', '15m'] }",
        "{ command: [./submit.sh, '{runId}'] }",
      ),
      expected: {
        path: 'jobs.window-counts.launch.command',
        message: expect.stringContaining('expected {restorePath} in the command') as string,
      },
    },
    {
      what: 'a lookup that is not told which run',
      text: changed(
        "{ jar: ./window-counts.jar, entryClass: com.example.Counts, args: ['--window', '15m'] }",
        "{ command: [./submit.sh, '{runId}', '{restorePath}'], lookup: [./find.sh, counts] }",
      ),
      expected: {
        path: 'jobs.window-counts.launch.lookup',
        message: expect.stringContaining('expected {runId} or {clusterId}') as string,
      },
    },
    {
      what: 'a placeholder that nobody fills',
      text: changed(
        "{ jar: ./window-counts.jar, entryClass: com.example.Counts, args: ['--window', '15m'] }",
        "{ command: [./submit.sh, '{runId}', '{restorePath}', '{jobName}'] }",
      ),
      expected: {
        path: 'jobs.window-counts.launch.command',
        message: expect.stringContaining('found {jobName}') as string,
      },
    },
    {
      what: 'an open intake on another address',
      text: `${example}\nintake: { host: 0.0.0.0 }`,
      expected: {
        path: 'intake.host',
        found: '"0.0.0.0"',
        message: expect.stringContaining('intake.bearer') as string,
      },
    },
    {
      what: 'a job name that cannot be part of a workflow id',
      text: changed('  window-counts:\n', '  "window/counts":\n'),
      expected: {
        path: 'jobs."window/counts"',
        message: "expected a job name of letters, digits, '.', '_' and '-'",
      },
    },
    {
      what: 'two storages that take the same URIs',
      text: example.replace(
        'zookeeper:\n',
        "  copy: { webhdfs: ['http://nn2:9870'], allow: [/flink], scratch: /flink/x }\nzookeeper:\n",
      ),
      expected: { path: 'storage.copy', message: expect.stringContaining('storage.prod (nn2)') as string },
    },
    {
      what: 'a client certificate without its key',
      text: changed('namespace: default }', 'namespace: default, tls: { cert: client.pem } }'),
      expected: { path: 'temporal.tls', message: 'expected cert and key together' },
    },
    {
      what: 'two jobs with the same Flink name',
      text: `${example}  twin:\n    cluster: counts\n    match: { name: 'window counts' }\n    launch: { jar: x.jar }\n`,
      expected: {
        path: 'jobs.twin.match.name',
        message: expect.stringContaining('jobs.window-counts') as string,
      },
    },
    {
      what: 'a secret that the environment does not have',
      text: `${example}\nintake: { bearer: { env: NO_SUCH_TOKEN } }`,
      expected: {
        path: 'intake.bearer',
        message: 'the secret is not there: the environment has no NO_SUCH_TOKEN',
        found: null,
      },
    },
    {
      what: 'a secret in a file that is not there',
      text: `${example}\nintake: { hmac: { file: no-such.key } }`,
      expected: {
        path: 'intake.hmac',
        message: expect.stringContaining('no-such.key cannot be read') as string,
      },
    },
  ])('names $what', ({ text, expected }) => {
    expect(problemsOf(text)).toEqual([expect.objectContaining(expected)]);
  });

  test('are told all at once, with line and column', () => {
    const text = example
      .replace('attempts: 20', 'atempts: 20')
      .replace('cluster: counts', 'cluster: nowhere')
      .replace("servers: ['zk1:2181'", "servers: ['zk1'");
    const problems = problemsOf(text);
    expect(problems.map((p) => p.path)).toEqual([
      'zookeeper.main.servers[0]',
      'jobs.window-counts.cluster',
      'jobs.window-counts.policy.atempts',
    ]);
    const lines = text.split('\n');
    expect(lines[(problems[1]?.at?.line ?? 0) - 1]).toContain('cluster: nowhere');
  });

  test('never show a secret that was written into the file', () => {
    const text =
      `${example}\nintake: { bearer: hunter2secret }\nnotices: [{ kind: slack, url: 'https://hooks/hunter2secret' }]`
        .replace("webhdfs: ['http://nn1:9870'", "webhdfs: ['http://admin:hunter2secret@nn1:9870'")
        .replace("brokers: ['k1:9092']", "brokers: ['k1:9092'], sasl: 'holdfast:hunter2secret'");
    const problems = problemsOf(text);
    expect(problems.map((p) => p.path)).toEqual([
      'storage.prod.webhdfs[0]',
      'kafka.main.sasl',
      'intake.bearer',
      'notices[0].url',
    ]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  test('name the line of broken YAML', () => {
    expect(problemsOf('temporal: { address: 1\nstorage: 2')[0]).toMatchObject({ at: { line: 2 } });
  });

  test('say what an empty file lacks', () => {
    expect(problemsOf('')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('storage, clusters and jobs') as string }),
    ]);
  });
});

describe('secrets', () => {
  const text = `${example}\nintake: { bearer: { env: TOKEN }, hmac: { file: hmac.key } }`;
  writeFileSync(join(folder, 'hmac.key'), 'from-a-file\n');
  const config = parse(text, { TOKEN: 'from-the-environment' });

  test('come from the environment or a file', () => {
    expect(config.intake.bearer?.reveal()).toBe('from-the-environment');
    expect(config.intake.hmac?.reveal()).toBe('from-a-file');
    expect(secretValues(config)).toEqual(['from-the-environment', 'from-a-file']);
  });

  test('are known in the spelling of an Authorization header too', () => {
    const basic = example.replace(
      "rest: ['http://jm:8081']",
      "rest: ['http://jm:8081'], auth: { basic: { username: ada, password: { env: PW } } }",
    );
    expect(secretValues(parse(basic, { PW: 'lovelace' }))).toEqual([
      Buffer.from('ada:lovelace').toString('base64'),
      'lovelace',
    ]);
  });

  test('do not show when the configuration is printed', () => {
    expect(JSON.stringify(config)).not.toMatch(/from-the-environment|from-a-file/);
  });

  test('do not change the digest, everything else does', () => {
    expect(parse(text, { TOKEN: 'another' }).digest).toBe(config.digest);
    expect(parse(text.replace('attempts: 20', 'attempts: 21'), { TOKEN: 'x' }).digest).not.toBe(
      config.digest,
    );
    expect(config.digest).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('policy', () => {
  test.each([
    ['attempts: unlimited', { attempts: null }],
    ['preset: observe', { attempts: 0 }],
    ['preset: keep-going', { fallback: 'checkpoint' }],
    ['preset: keep-going, fallback: never', { fallback: 'never' }],
    ['backoff: { initial: 1s }', { backoff: { ...STRICT.backoff, initial: 1000 } }],
    ['deadline: 1h30m', { deadline: 5_400_000 }],
    ['maxStateAge: 1d', { maxStateAge: 86_400_000 }],
    ['maxStateAge: none', { maxStateAge: null }],
    ['firstStart: { kafkaFrom: latest }', { firstStart: { kafkaFrom: 'latest' } }],
    ['confirm: { check: [./check.sh] }', { confirm: { checkpointWithin: null, check: ['./check.sh'] } }],
  ])('%s changes exactly that', (policy, expected) => {
    const config = parse(changed('preset: strict, attempts: 20, fallback: checkpoint', policy));
    expect(Object.values(config.jobs)[0]?.policy).toEqual({ ...STRICT, ...expected });
  });
});

describe('where the file is looked for', () => {
  const here = join(folder, 'here');
  mkdirSync(here);
  writeFileSync(join(here, 'holdfast.yaml'), example);
  writeFileSync(join(here, 'other.yaml'), example);

  test('--config goes before HOLDFAST_CONFIG, that before ./holdfast.yaml', () => {
    expect(loadConfig({ file: 'other.yaml', env: { HOLDFAST_CONFIG: 'x.yaml' }, cwd: here }).file).toBe(
      join(here, 'other.yaml'),
    );
    expect(loadConfig({ env: { HOLDFAST_CONFIG: 'other.yaml' }, cwd: here }).file).toBe(
      join(here, 'other.yaml'),
    );
    expect(loadConfig({ env: {}, cwd: here }).file).toBe(join(here, 'holdfast.yaml'));
  });

  test.each([
    [{ file: 'no.yaml', env: {} }, '--config names it'],
    [{ env: { HOLDFAST_CONFIG: 'no.yaml' } }, 'HOLDFAST_CONFIG names it'],
    [{ env: {} }, 'it is the default'],
  ])('a file that is not there is one sentence with the way it was named', (options, how) => {
    expect(() => loadConfig({ ...options, cwd: folder })).toThrow(how);
  });
});

test('the JSON schema for editors is the one of this version (write it with: npx vitest run test/config -u)', async () => {
  const written = `${JSON.stringify(jsonSchema(), null, 2)}\n`;
  await expect(written).toMatchFileSnapshot('../../config/holdfast.schema.json');
});
