/** Promise 6. Any number of alerts and senders lead to one case per job. On a real Temporal server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { Alert, AlertSource } from '../../domain/alert.js';
import { until } from '../../stack/wait.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let clients: readonly [HoldfastClient, HoldfastClient, HoldfastClient];

beforeAll(async () => {
  temporal = await temporalForTests();
  const sender = () => holdfastClient({ client: clientOf(temporal.config), config: temporal.config });
  clients = [sender(), sender(), sender()];
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await temporal.close();
});

const SOURCES: readonly AlertSource[] = ['alertmanager', 'grafana', 'watch', 'cli', 'api'];
const alert = (n: number): Alert => ({
  fingerprint: `f${n % 7}`,
  source: SOURCES[n % SOURCES.length] ?? 'api',
  job: 'window-counts',
  cluster: 'counts',
  run: null,
  summary: 'down',
  startedAt: 1_000 + (n % 3),
  labels: {},
  link: null,
});

test('sixty alerts of three senders at once open one case, and each of them is in its history', async () => {
  const refs = await Promise.all(
    Array.from({ length: 60 }, (_, n) => (clients[n % 3] ?? clients[0]).raiseAlert(alert(n))),
  );
  expect(new Set(refs.map((r) => `${r.workflowId} ${r.runId}`)).size).toBe(1);
  const [client] = clients;
  const listed = () => client.cases({ job: 'window-counts' });
  await until('the case is listed', async () => (await listed()).length > 0);
  expect(await listed()).toHaveLength(1);
  const raw = clientOf(temporal.config);
  const { events = [] } = await raw.workflow.getHandle('recover/counts/window-counts').fetchHistory();
  await raw.connection.close();
  expect(events?.filter((e) => e.workflowExecutionSignaledEventAttributes)).toHaveLength(60);
});
