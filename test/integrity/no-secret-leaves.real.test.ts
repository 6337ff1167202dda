/** Promise 10. No secret leaves the worker: not in histories, statuses, errors or logs. The real adapters, against nobody. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, test, vi } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { connectPorts } from '../../adapters/connect.js';
import { holdfastClient } from '../../client/index.js';
import { parseConfig } from '../../config/load.js';
import { secretValues } from '../../config/secrets.js';
import { startTemporal } from '../../stack/temporal.js';
import { until } from '../../stack/wait.js';
import { stepDeps } from '../../worker/deps.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { commandLine } from '../support/command-line.js';
import { clientOf } from '../support/temporal.js';

const SECRETS = {
  HDFS_TOKEN: 'hdfs-delegation-token-5f1c',
  ZK_DIGEST: 'holdfast:zookeeper-password-9d2e',
  KAFKA_PASSWORD: 'kafka-sasl-password-77aa',
  FLINK_TOKEN: 'flink-bearer-token-c0de',
  INTAKE_TOKEN: 'intake-bearer-token-beef',
  HOOK: 'http://127.0.0.1:9/hooks/webhook-path-token-7e57',
  HOOK_TOKEN: 'webhook-bearer-token-1dea',
  PAGER: 'http://127.0.0.1:9/v2/enqueue',
  PAGER_KEY: 'pagerduty-routing-key-4bad',
};

// Port 9 (discard) of this machine: nobody listens, every call fails, and errors are where secrets leak.
const CONFIG = `
storage: { hdfs: { webhdfs: ['http://127.0.0.1:9'], authorities: ['nn:8020'], delegationToken: {env: HDFS_TOKEN}, allow: [/flink], scratch: /flink/holdfast } }
zookeeper: { main: { servers: ['127.0.0.1:9'], digest: {env: ZK_DIGEST} } }
kafka: { main: { brokers: ['127.0.0.1:9'], sasl: { mechanism: plain, username: holdfast, password: {env: KAFKA_PASSWORD} } } }
clusters:
  counts:
    flink: { rest: ['http://127.0.0.1:9'], auth: { bearer: {env: FLINK_TOKEN} } }
    ha: { zookeeper: main, root: /flink, clusterId: /default, storageDir: 'hdfs://nn:8020/flink/ha' }
    checkpoints: hdfs://nn:8020/flink/checkpoints
jobs:
  window-counts:
    cluster: counts
    launch: { jar: x.jar, args: ['--password', 'not-configured-as-a-secret'] }
    kafka: { cluster: main, group: g }
    policy: { attempts: 2, backoff: { initial: 100ms, max: 100ms } }
intake: { bearer: {env: INTAKE_TOKEN} }
notices:
  - { kind: webhook, url: {env: HOOK}, bearer: {env: HOOK_TOKEN} }
  - { kind: pagerduty, url: {env: PAGER}, routingKey: {env: PAGER_KEY} }
`;

test('a case that fails everywhere shows no secret to anybody', async () => {
  const system = await startTemporal({ ui: false });
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-secrets-'));
  const written = parseConfig(CONFIG, { file: '/nowhere/holdfast.yaml', env: SECRETS });
  const config = { ...written, temporal: { address: system.address, namespace: 'default', ui: null } };
  const temporal = clientOf(config);
  const client = holdfastClient({ client: temporal, config });
  const logged: string[] = [];
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged.push(chunk.toString());
      done();
    },
  });
  const log = createLog(scrubber(secretValues(config)), { level: 'debug', out });
  const ports = connectPorts(config);
  const workers = await createWorkers({
    config,
    log,
    activities: createActivities(stepDeps(config, ports, client, temporal)),
  });
  try {
    expect(secretValues(config)).toEqual(expect.arrayContaining(Object.values(SECRETS)));
    await client.recover('window-counts', { by: 'ada', reason: 'a test' });
    const status = await until(
      'the case is aborted',
      async () => {
        const now = await client.status('window-counts');
        return now.phase === 'aborted' ? now : undefined;
      },
      { within: 60_000 },
    );
    const history = await until(
      'both receivers have been tried',
      async () => {
        const json = historyToJSON(
          await temporal.workflow.getHandle('recover/counts/window-counts').fetchHistory(),
        );
        return decodedPayloads(json).includes('notices[1] (pagerduty) refuses connections')
          ? json
          : undefined;
      },
      { within: 120_000 },
    );
    const html = join(folder, 'case.html');
    const file = join(folder, 'holdfast.yaml');
    await writeFile(file, `temporal: { address: '${system.address}' }\n${CONFIG}`);
    for (const [name, value] of Object.entries(SECRETS)) vi.stubEnv(name, value);
    const id = 'recover/counts/window-counts';
    const told = await commandLine(['case', id, '--json', '--html', html, '--config', file]);
    expect(told.code, told.err).toBe(0);
    const seen = {
      history,
      status: JSON.stringify(status),
      'case --json': told.out,
      'case --html': await readFile(html, 'utf8'),
      config: JSON.stringify(config),
      logs: logged.join(''),
    };
    expect(seen.history.length).toBeGreaterThan(5_000);
    expect(seen['case --html']).toContain('refuses connections');
    const decoded = { ...seen, payloads: decodedPayloads(history) };
    for (const [where, text] of Object.entries(decoded)) {
      for (const secret of Object.values(SECRETS)) {
        expect(text.includes(secret), `${secret} in ${where}`).toBe(false);
        expect(text.includes(encodeURIComponent(secret)), `${secret} encoded in ${where}`).toBe(false);
        expect(text.includes(Buffer.from(secret).toString('base64')), `${secret} as base64 in ${where}`).toBe(
          false,
        );
      }
    }
    // Launch arguments are resolved inside the step too.
    expect(decoded.payloads).not.toContain('not-configured-as-a-secret');
  } finally {
    workers.shutdown();
    await workers.done;
    await ports.close();
    await client.close();
    await system.close();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  }
});

/** Payloads are base64 in the JSON of a history. */
const decodedPayloads = (history: string): string =>
  [...history.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)]
    .map((m) => Buffer.from(m[1] ?? '', 'base64').toString())
    .join('\n');
