import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { ClientError, holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { Alert } from '../../domain/alert.js';
import { failure } from '../../domain/failure.js';
import { jobName } from '../../domain/ids.js';
import { STRICT } from '../../domain/policy.js';
import { emptyLedger } from '../../domain/ledger.js';
import type { RunningWorkers } from '../../worker/run.js';
import { opened } from '../support/scripted.js';
import { clientOf, temporalForTests, workersOf, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let raw: ReturnType<typeof clientOf>;
let client: HoldfastClient;
let workers: RunningWorkers | null = null;
/** What the steps of the fake activities were called, in order. */
const steps: string[] = [];

/** The real workflow over steps that always find ZooKeeper away. */
const activities = {
  openCase: async ({ job }: { job: string }) =>
    opened(job, { ...STRICT, attempts: 2, backoff: { initial: 50, factor: 1, max: 50, jitter: 0 } }),
  assessRun: async () => {
    steps.push('assessRun');
    throw failure('HaStoreUnavailable', 'ZooKeeper does not answer', 'zk1:2181');
  },
  awaitReturn: () => cancelled(),
  watchJobs: async (): Promise<Awaited<ReturnType<Activities['watchJobs']>>> => ({
    ledgers: { [jobName('totals')]: { ...emptyLedger(1), complete: false } },
    lastLook: Date.now(),
    noted: {},
    alerts: [],
    notices: [],
    wantedFrom: null,
  }),
};

const alert = (job: string, more: Partial<Alert> = {}): Alert => ({
  fingerprint: 'f1',
  source: 'api',
  job,
  cluster: 'counts',
  run: null,
  summary: 'it is down',
  startedAt: 1_700_000_000_000,
  labels: {},
  link: null,
  ...more,
});

const said = { by: 'ada', reason: 'a test' };

beforeAll(async () => {
  temporal = await temporalForTests();
  raw = clientOf(temporal.config);
  client = holdfastClient({ client: raw, config: temporal.config, workerDeadline: 3_000 });
});
afterAll(async () => {
  workers?.shutdown();
  await workers?.done;
  await client?.close();
  await temporal?.close();
});

const errorOf = async (call: Promise<unknown>): Promise<ClientError> => {
  const error: unknown = await call.then(
    () => null,
    (e: unknown) => e,
  );
  if (error instanceof ClientError) return error;
  throw new Error(`expected a ClientError, found ${String(error)}`);
};

describe('while no worker runs', () => {
  test('an alert is kept by Temporal; five senders open one case', async () => {
    const refs = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        client.raiseAlert(alert('window-counts', { fingerprint: `f${i}` })),
      ),
    );
    expect(new Set(refs.map((r) => r.runId)).size).toBe(1);
    expect(refs[0]).toMatchObject({
      workflowId: 'recover/counts/window-counts',
      link: expect.stringMatching(
        /^http:\/\/ui\.example\/namespaces\/default\/workflows\/recover%2Fcounts%2Fwindow-counts\/[0-9a-f-]+\/timeline$/,
      ) as string,
    });
  });

  test('its status is not known, and the error says what to start', async () => {
    expect(await errorOf(client.status('window-counts'))).toMatchObject({
      code: 'NoWorker',
      message: expect.stringContaining('holdfast worker') as string,
    });
  });

  test('a message may be heard later: it is in doubt, not refused', async () => {
    expect(await errorOf(client.hold('window-counts', said))).toMatchObject({ code: 'InDoubt' });
  });

  test('the case can be seen without its status', async () => {
    const view = await client.caseOf('window-counts');
    expect(view).toMatchObject({ summary: { state: 'open' }, status: null, end: null });
    expect(view.withoutStatus).toContain('no worker');
  });
});

test('what is not there is said in a sentence', async () => {
  expect(await errorOf(client.status('totals'))).toMatchObject({ code: 'NoCase' });
  expect(await errorOf(client.abort('totals', said))).toMatchObject({ code: 'NoCase' });
  expect(await errorOf(client.status('nothing'))).toMatchObject({ code: 'UnknownJob' });
  expect(await client.resolveAlert('totals', { fingerprint: 'f', source: 'api', at: 1 })).toBe(
    'no open case',
  );
  expect(await client.ledger('counts')).toBeNull();
  expect(await errorOf(client.ledger('other'))).toMatchObject({ code: 'UnknownCluster' });
});

test('a namespace that is not there is named', async () => {
  const config = { ...temporal.config, temporal: { ...temporal.config.temporal, namespace: 'nowhere' } };
  const other = holdfastClient({ client: clientOf(config), config });
  const error = await errorOf(other.raiseAlert(alert('totals')));
  await other.close();
  expect(error).toMatchObject({
    code: 'AccessDenied',
    message: expect.stringContaining("no namespace 'nowhere'") as string,
  });
});

describe('with a worker', () => {
  beforeAll(async () => {
    workers = await workersOf(temporal.config, activities);
    // The other one is for answers that no worker gives.
    client = holdfastClient({ client: raw, config: temporal.config });
  });

  const phase = async (job: string, expected: string) =>
    vi.waitFor(async () => expect((await client.status(job)).phase).toBe(expected), {
      timeout: 20_000,
      interval: 50,
    });

  test('the waiting case is worked on, and the alerts that came before are all heard', async () => {
    const status = await vi.waitFor(() => client.status('window-counts'), { timeout: 20_000, interval: 100 });
    expect(status).toMatchObject({ job: 'window-counts', cluster: 'counts', alertsHeard: 5 });
    expect(status.alerts).toHaveLength(5);
  });

  test('the fault of a step reaches the case with its code, exactly N attempts are made, people resume and close', async () => {
    if ((await client.status('window-counts')).hold !== null) await client.release('window-counts', said);
    await phase('window-counts', 'aborted');
    const before = await client.status('window-counts');
    expect(before.failures).toMatchObject([
      { attempt: 1, step: 'assessRun', fault: { code: 'HaStoreUnavailable', where: 'zk1:2181' } },
      { attempt: 2, step: 'assessRun', fault: { code: 'HaStoreUnavailable' } },
    ]);
    expect(steps).toHaveLength(2);
    expect(await errorOf(client.release('window-counts', said))).toMatchObject({
      code: 'Refused',
      message: 'the case is not held',
    });

    await client.resume('window-counts', said);
    await vi.waitFor(() => expect(steps).toHaveLength(4), { timeout: 20_000, interval: 50 });
    await phase('window-counts', 'aborted');
    await client.closeCase('window-counts', said);
    const view = await vi.waitFor(
      async () => {
        const seen = await client.caseOf('window-counts');
        expect(seen.summary.closedAt).not.toBeNull();
        return seen;
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(view.summary.state).not.toBe('open');
    expect(view.status).toMatchObject({ phase: 'closed' });
    expect(await errorOf(client.abort('window-counts', said))).toMatchObject({ code: 'CaseEnded' });
  });

  test('the same request id is heard once', async () => {
    const requestId = randomUUID();
    await client.raiseAlert(alert('totals'));
    await vi.waitFor(() => client.status('totals'), { timeout: 20_000, interval: 100 });
    await client.hold('totals', { ...said, requestId });
    // Another hold would be refused; the repeated request gets the answer of the first.
    await client.hold('totals', { ...said, requestId });
    expect(await errorOf(client.hold('totals', said))).toMatchObject({ code: 'Refused' });
    await client.abort('totals', said);
    expect(await errorOf(client.approve('totals', { ...said, question: 'q1' }))).toMatchObject({
      code: 'Refused',
      message: expect.stringContaining('expected an open question') as string,
    });
  });

  test('a request for a restore point joins the open case as a choice', async () => {
    const opened = await client.recover('totals', { ...said, from: 'hdfs://prod/flink/chk-7' });
    expect(opened.workflowId).toBe('recover/counts/totals');
    expect(await errorOf(client.recover('totals', { ...said, from: '/flink/chk-7' }))).toMatchObject({
      code: 'Refused',
      message: expect.stringContaining('expected a full URI') as string,
    });
  });

  test('the events carry who did it: role, host and process', async () => {
    const history = await raw.workflow.getHandle('recover/counts/totals').fetchHistory();
    const signal = history.events?.find((e) => e.workflowExecutionSignaledEventAttributes);
    expect(signal?.workflowExecutionSignaledEventAttributes?.identity).toMatch(/^holdfast\/test@.+\/\d+$/);
  });

  test('cases are listed newest first, and by job', async () => {
    await vi.waitFor(
      async () =>
        expect((await client.cases()).map((c) => [c.job, c.state])).toEqual([
          ['totals', 'open'],
          ['window-counts', 'failed'],
        ]),
      { timeout: 20_000, interval: 100 },
    );
    expect(await client.cases({ job: 'totals' })).toHaveLength(1);
    expect(await client.cases({ limit: 1 })).toHaveLength(1);
  });

  test('the watch is started once, and its ledger is read without asking a worker', async () => {
    const first = await client.startWatch('counts');
    const second = await client.startWatch('counts');
    expect(second.runId).toBe(first.runId);
    await vi.waitFor(async () => expect(await client.ledger('counts')).toHaveProperty('totals'), {
      timeout: 20_000,
      interval: 100,
    });
    await raw.workflow.getHandle(first.workflowId).terminate('end of the test');
    expect(await client.ledger('counts')).toMatchObject({ totals: { complete: false } });
  });
});

test('Temporal not answering is said with its address', async () => {
  const config = { ...temporal.config, temporal: { ...temporal.config.temporal, address: '127.0.0.1:1' } };
  const other = holdfastClient({ client: clientOf(config), config, serverDeadline: 500 });
  const error = await errorOf(other.raiseAlert(alert('totals')));
  await other.close();
  expect(error).toMatchObject({
    code: 'TemporalUnavailable',
    message: expect.stringContaining('127.0.0.1:1') as string,
  });
});
