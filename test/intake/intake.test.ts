import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClientError } from '../../client/index.js';
import { parseConfig } from '../../config/load.js';
import type { Config, IntakeConfig } from '../../config/config.js';
import type { Alert, AlertResolved } from '../../domain/alert.js';
import { runId } from '../../domain/ids.js';
import { emptyLedger, record, type JobLedger } from '../../domain/ledger.js';
import { secret } from '../../domain/secret.js';
import { intakeApp, startIntake } from '../../intake/server.js';
import { ALERT_BYTES } from '../../intake/incoming.js';
import * as payloads from './payloads.js';

const RUN = runId('0123456789abcdef0123456789abcdef');

const config = parseConfig(
  `
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters:
  counts: { flink: { rest: ['http://jm1:8081'] }, checkpoints: 'file:/data/c1' }
  sums: { flink: { rest: ['http://jm2:8081'] }, checkpoints: 'file:/data/c2' }
jobs:
  window-counts:
    cluster: counts
    match: { name: window counts, labels: { service: counting } }
    launch: { jar: x.jar }
  totals: { cluster: counts, launch: { jar: x.jar } }
  other-totals: { cluster: sums, match: { name: totals }, launch: { jar: x.jar } }
  by-label-1: { cluster: sums, match: { labels: { team: ads } }, launch: { jar: x.jar } }
  by-label-2: { cluster: sums, match: { labels: { team: ads, kind: batch } }, launch: { jar: x.jar } }
`,
  { file: '/nowhere/holdfast.yaml', env: {} },
);

/** A client that keeps what it is told, or fails as it is told to. */
class FakeClient {
  readonly raised: Alert[] = [];
  readonly resolved: { job: string; resolved: AlertResolved }[] = [];
  failFor: (job: string) => Error | null = () => null;
  ledgers: Record<string, Record<string, JobLedger>> = {};
  ledgerError: Error | null = null;
  mostAtOnce = 0;
  private now = 0;

  raiseAlert = async (alert: Alert) => {
    this.now++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.now);
    await new Promise((tick) => setImmediate(tick));
    this.now--;
    const error = this.failFor(alert.job);
    if (error !== null) throw error;
    this.raised.push(alert);
    const workflowId = `recover/${alert.cluster}/${alert.job}`;
    return { workflowId, runId: 'r', job: alert.job, cluster: alert.cluster, link: null };
  };
  resolveAlert = async (job: string, resolved: AlertResolved) => {
    this.resolved.push({ job, resolved });
    return 'told' as const;
  };
  ledger = async (cluster: string) => {
    if (this.ledgerError !== null) throw this.ledgerError;
    return this.ledgers[cluster] ?? null;
  };
}

interface Written {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

function setup(intake: Partial<IntakeConfig> = {}, jobs: Pick<Config, 'jobs'> = config) {
  const client = new FakeClient();
  const logged: Written[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields, message });
  const log = { info: write('info'), warn: write('warn'), error: write('error') };
  const app = intakeApp({
    client,
    config: { ...config, ...jobs, intake: { ...config.intake, ...intake } },
    log,
    now: () => Date.parse('2026-11-23T06:00:00Z'),
  });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.request(`/v1/alerts${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  const metrics = async () => (await app.request('/metrics')).text();
  return { client, app, post, logged, metrics, log };
}

let world: ReturnType<typeof setup>;
beforeEach(() => {
  world = setup();
});

describe('what senders send', () => {
  test('Alertmanager: becomes an alert of at most 4 KB with allow-listed labels only', async () => {
    const answer = await world.post('/alertmanager', payloads.alertmanager);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({
      accepted: 1,
      unmatched: [],
      cases: [{ workflowId: 'recover/counts/window-counts' }],
    });
    expect(world.client.raised).toEqual([
      {
        fingerprint: 'c5a3d7f0b1e2a4c6',
        source: 'alertmanager',
        job: 'window-counts',
        cluster: 'counts',
        run: RUN,
        summary: 'window counts is not running',
        startedAt: Date.parse('2026-11-23T05:40:00Z'),
        labels: {
          alertname: 'FlinkJobDown',
          severity: 'page',
          cluster: 'counts',
          job: 'flink',
          job_name: 'window_counts',
          job_id: RUN,
        },
        link: 'http://prometheus:9090/graph?g0.expr=x',
      },
    ]);
  });

  test('Grafana: links to its panel', async () => {
    expect((await world.post('/grafana', payloads.grafana)).status).toBe(202);
    expect(world.client.raised).toMatchObject([
      {
        source: 'grafana',
        job: 'window-counts',
        summary: 'no running tasks for 1 m',
        link: 'http://grafana:3000/d/flink?viewPanel=2',
      },
    ]);
  });

  test('PagerDuty: an incident leads to its job by match.labels', async () => {
    const body = structuredClone(payloads.pagerduty);
    expect((await world.post('/pagerduty', body)).status).toBe(202);
    expect(world.client.raised).toMatchObject([
      { source: 'pagerduty', job: 'window-counts', fingerprint: 'Q2LAR4', labels: { service: 'counting' } },
    ]);
    body.event.event_type = 'incident.resolved';
    expect(await (await world.post('/pagerduty', body)).json()).toMatchObject({ accepted: 0, resolved: 1 });
    body.event.event_type = 'pagey.ping';
    expect(await (await world.post('/pagerduty', body)).json()).toMatchObject({ accepted: 0, resolved: 0 });
  });

  test('PagerDuty: an event of its Events API is understood too', async () => {
    const answer = await world.post('/pagerduty', {
      routing_key: 'R0UT1NG',
      event_action: 'trigger',
      dedup_key: 'abc',
      payload: {
        summary: 'totals down',
        source: 'prometheus',
        severity: 'critical',
        custom_details: { job_name: 'totals', cluster: 'sums' },
      },
    });
    expect(answer.status).toBe(202);
    expect(world.client.raised).toMatchObject([{ job: 'other-totals', fingerprint: 'abc' }]);
    expect(JSON.stringify(world.client.raised)).not.toContain('R0UT1NG');
  });

  test.each([
    ['structured mode', payloads.cloudevent, { 'content-type': 'application/cloudevents+json' }],
    ['a batch', [payloads.cloudevent], { 'content-type': 'application/cloudevents-batch+json' }],
    [
      'binary mode',
      payloads.cloudevent.data,
      {
        'ce-specversion': '1.0',
        'ce-id': '9f2c',
        'ce-source': '/flink/counts',
        'ce-type': 'org.example.failed',
      },
    ],
  ])('CloudEvents: %s', async (_mode, body, headers) => {
    expect((await world.post('/cloudevents', body, headers)).status).toBe(202);
    expect(world.client.raised).toMatchObject([
      { source: 'cloudevents', job: 'window-counts', summary: 'the job is FAILED' },
    ]);
  });

  test('our own JSON: a job and a sentence are enough', async () => {
    expect((await world.post('', { job: 'totals', summary: 'it is down' })).status).toBe(202);
    expect(world.client.raised).toMatchObject([
      {
        source: 'api',
        job: 'totals',
        cluster: 'counts',
        summary: 'it is down',
        startedAt: Date.parse('2026-11-23T06:00:00Z'),
      },
    ]);
  });

  test('the same alert has the same fingerprint when it is sent again', async () => {
    const alert = { job: 'totals', summary: 'it is down', startedAt: '2026-11-23T05:00:00Z' };
    await world.post('', alert);
    await world.post('', alert);
    const [first, second] = world.client.raised;
    expect(first?.fingerprint).toBe(second?.fingerprint);
    expect(first?.startedAt).toBe(second?.startedAt);
  });

  test('"resolved" is told to the case with the same fingerprint', async () => {
    const body = structuredClone(payloads.alertmanager);
    Object.assign(body.alerts[0] ?? {}, { status: 'resolved', endsAt: '2026-11-23T05:50:00Z' });
    expect(await (await world.post('/alertmanager', body)).json()).toMatchObject({
      accepted: 0,
      resolved: 1,
    });
    expect(world.client.resolved).toEqual([
      {
        job: 'window-counts',
        resolved: {
          fingerprint: 'c5a3d7f0b1e2a4c6',
          source: 'alertmanager',
          at: Date.parse('2026-11-23T05:50:00Z'),
        },
      },
    ]);
  });

  test('no alert gets larger than 4 KB, whatever is in it', async () => {
    const long = 'ü'.repeat(5000);
    const labels = Object.fromEntries(
      ['alertname', 'severity', 'team', 'service', 'instance', 'host', 'namespace', 'environment'].map(
        (l) => [l, long],
      ),
    );
    await world.post('', {
      job: 'totals',
      summary: long,
      fingerprint: long,
      link: `http://x/${long}`,
      labels,
    });
    expect(world.client.raised).toHaveLength(1);
    expect(Buffer.byteLength(JSON.stringify(world.client.raised[0]))).toBeLessThanOrEqual(ALERT_BYTES);
  });

  test.each(['javascript:alert(1)', 'http://user:pass@host/', 'not a link'])(
    'drops the link %s',
    async (link) => {
      await world.post('', { job: 'totals', link });
      expect(world.client.raised).toMatchObject([{ link: null }]);
    },
  );
});

describe('which job it is', () => {
  const ledger = record(emptyLedger(0), {
    run: RUN,
    started: 1,
    restoredFrom: { is: 'unseen' },
    state: 'RUNNING',
    points: [],
    at: 2,
  });

  test('job_id through the ledger goes before names', async () => {
    world.client.ledgers = { counts: { totals: ledger } };
    await world.post('', { labels: { job_id: RUN, job_name: 'window counts' } });
    expect(world.client.raised).toMatchObject([{ job: 'totals', run: RUN }]);
  });

  test('a ledger that cannot be read is not taken for one that does not know the run', async () => {
    world.client.ledgerError = new ClientError('TemporalUnavailable', 'Temporal does not answer');
    expect((await world.post('', { labels: { job_id: RUN } })).status).toBe(503);
    world.client.ledgerError = null;
    world.client.ledgers = { counts: { totals: ledger } };
    expect((await world.post('', { labels: { job_id: RUN } })).status).toBe(202);
    expect(world.client.raised).toHaveLength(1);
  });

  test.each([
    ['cluster and job name', { job_name: 'totals', cluster: 'counts' }, 'totals'],
    ['the other cluster of the same job name', { job_name: 'totals', flink_cluster: 'sums' }, 'other-totals'],
    ["the name as Flink's reporter writes it", { job_name: 'window_counts' }, 'window-counts'],
    ['the name in the configuration', { job: 'by-label-1' }, 'by-label-1'],
    ['labels that one job matches', { service: 'counting' }, 'window-counts'],
    ['one of two matchers', { team: 'ads' }, 'by-label-1'],
  ])('%s lead to it', async (_what, labels, job) => {
    await world.post('', { labels });
    expect(world.client.raised).toMatchObject([{ job }]);
  });

  test.each([
    ['two jobs of that name', { job_name: 'totals' }, 'send the label cluster too'],
    ['a cluster that is not ours', { job_name: 'window counts', cluster: 'staging' }, 'no job has'],
    ['two matchers that fit', { team: 'ads', kind: 'batch' }, 'exclusive'],
    ['nothing that fits', { alertname: 'DiskFull' }, 'no job has'],
    ['the name of an object property', { job_name: 'constructor' }, 'no job has'],
  ])('%s: no recovery, but a visible unmatched alert', async (_what, labels, why) => {
    const answer = await world.post('', { summary: 'help', labels });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({
      accepted: 0,
      unmatched: [{ summary: 'help', why: expect.stringContaining(why) as string }],
    });
    expect(world.client.raised).toEqual([]);
    expect(world.logged).toMatchObject([
      { level: 'warn', message: expect.stringContaining('unmatched') as string },
    ]);
    expect(await world.metrics()).toContain(
      'holdfast_intake_alerts_total{sender="api",outcome="unmatched"} 1',
    );
  });
});

describe('what is answered', () => {
  test('503 for the whole body when Temporal did not take one of its alerts', async () => {
    world.client.failFor = (job) =>
      job === 'totals'
        ? new ClientError('TemporalUnavailable', 'Temporal does not answer at 127.0.0.1:1')
        : null;
    const answer = await world.post('', [{ job: 'window-counts' }, { job: 'totals' }, { job: 'by-label-1' }]);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toMatchObject({
      error: expect.stringContaining('Temporal does not answer') as string,
    });
    world.client.failFor = () => null;
    const again = await world.post('', [{ job: 'window-counts' }, { job: 'totals' }, { job: 'by-label-1' }]);
    expect(again.status).toBe(202);
    expect(new Set(world.client.raised.map((a) => a.job))).toEqual(
      new Set(['window-counts', 'totals', 'by-label-1']),
    );
  });

  test('no more calls are begun after the first that fails', async () => {
    world.client.failFor = () => new ClientError('TemporalUnavailable', 'down');
    let calls = 0;
    const count = world.client.raiseAlert;
    world.client.raiseAlert = (alert) => {
      calls++;
      return count(alert);
    };
    const alerts = Array.from({ length: 200 }, (_, i) => ({ job: 'totals', fingerprint: String(i) }));
    expect((await world.post('', alerts)).status).toBe(503);
    expect(calls).toBe(1);
  });

  test('the alerts of one job are told in their order, repeated ones once', async () => {
    const alerts = [1, 2, 1, 3].map((n) => ({
      job: 'totals',
      fingerprint: `f${n}`,
      startedAt: 1_700_000_000_000,
    }));
    expect(await (await world.post('', alerts)).json()).toMatchObject({
      accepted: 3,
      cases: [{ job: 'totals' }],
    });
    expect(world.client.raised.map((a) => a.fingerprint)).toEqual(['f1', 'f2', 'f3']);
    expect(world.client.mostAtOnce).toBe(1);
  });

  test('at most 50 calls are in flight', async () => {
    const jobs = Object.fromEntries(
      Array.from({ length: 120 }, (_, i) => [
        `job-${i}`,
        { ...config.jobs['totals' as keyof typeof config.jobs], match: { name: `job-${i}`, labels: {} } },
      ]),
    ) as unknown as Config['jobs'];
    world = setup({}, { jobs });
    const answer = await world.post(
      '',
      Object.keys(jobs).map((job) => ({ job })),
    );
    expect(await answer.json()).toMatchObject({ accepted: 120 });
    expect(world.client.mostAtOnce).toBe(50);
  });

  test.each([
    ['', 'not json', 400],
    ['', '"text"', 422],
    ['', '{"summary":"no job"}', 422],
    ['/alertmanager', '{}', 422],
    ['/alertmanager', '{"alerts":[{"status":"firing"}]}', 422],
    ['/pagerduty', '{}', 422],
    ['/cloudevents', '{"type":"x"}', 422],
    ['/nobody', '{}', 404],
  ])('POST %s %s can never be accepted: %d', async (path, body, status) => {
    expect((await world.post(path, body)).status).toBe(status);
    expect(world.client.raised).toEqual([]);
  });

  test('one malformed alert does not keep the others out', async () => {
    const body = {
      ...payloads.alertmanager,
      alerts: [...payloads.alertmanager.alerts, { status: 'firing' }],
    };
    const answer = await world.post('/alertmanager', body);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({
      accepted: 1,
      malformed: ["alerts[1]: expected an object with 'labels'"],
    });
  });

  test('a body over 1 MiB is refused, with and without its length announced', async () => {
    const large = JSON.stringify({ job: 'totals', summary: 'x'.repeat(1024 * 1024) });
    expect((await world.post('', large)).status).toBe(413);
    const stream = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(large));
        controller.close();
      },
    });
    const answer = await world.app.request('/v1/alerts', {
      method: 'POST',
      body: stream,
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    expect(world.client.raised).toEqual([]);
  });

  test('healthz says that the intake is there', async () => {
    expect((await world.app.request('/healthz')).status).toBe(200);
  });
});

describe('who may send', () => {
  const body = JSON.stringify({ job: 'totals' });
  const signed = (key: string, text: string) => createHmac('sha256', key).update(text).digest('hex');

  test.each([
    ['no credentials', {}, 401],
    ['the right token', { authorization: 'Bearer s3cret' }, 202],
    ['a wrong token', { authorization: 'Bearer s3cres' }, 401],
    ['a token that is longer', { authorization: 'Bearer s3cretx' }, 401],
    ['another scheme', { authorization: 'Basic s3cret' }, 401],
    ['our signature', { 'x-holdfast-signature': `sha256=${signed('k3y', body)}` }, 202],
    [
      "PagerDuty's signature among two",
      { 'x-pagerduty-signature': `v1=${'0'.repeat(64)},v1=${signed('k3y', body)}` },
      202,
    ],
    ["Grafana's signature", { 'x-grafana-alerting-signature': signed('k3y', body) }, 202],
    [
      "Grafana's signature with its time",
      { 'x-grafana-alerting-signature': signed('k3y', `17:${body}`), 'x-grafana-alerting-timestamp': '17' },
      202,
    ],
    ['a signature by another key', { 'x-holdfast-signature': `sha256=${signed('other', body)}` }, 401],
    ['a signature of another body', { 'x-holdfast-signature': `sha256=${signed('k3y', `${body} `)}` }, 401],
  ])('%s', async (_what, headers, status) => {
    world = setup({ bearer: secret('s3cret'), hmac: secret('k3y') });
    expect((await world.post('', body, headers)).status).toBe(status);
    expect(world.client.raised).toHaveLength(status === 202 ? 1 : 0);
  });

  test('a signature does not help when only a token is configured', async () => {
    world = setup({ bearer: secret('s3cret') });
    expect((await world.post('', body, { 'x-holdfast-signature': signed('', body) })).status).toBe(401);
  });

  test('nothing that was sent as a credential is logged', async () => {
    world = setup({ bearer: secret('s3cret') });
    world.client.failFor = () => new ClientError('TemporalUnavailable', 'down');
    await world.post('', body, { authorization: 'Bearer s3cret' });
    expect(world.logged).not.toEqual([]);
    expect(JSON.stringify(world.logged)).not.toContain('s3cret');
  });
});

describe('the server', () => {
  let stop: () => Promise<void> = async () => undefined;
  afterEach(() => stop());
  const start = async (intake: Partial<IntakeConfig> = {}) => {
    const running = await startIntake({
      client: world.client,
      config: { ...config, intake: { ...config.intake, port: 0, ...intake } },
      log: world.log,
    });
    stop = () => running.close(100);
    return running;
  };

  test('takes alerts on 127.0.0.1 and goes away when told to', async () => {
    const { url, close } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(`${url}/v1/alerts`, { method: 'POST', body: '{"job":"totals"}' });
    expect(answer.status).toBe(202);
    await close(100);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('refuses another address while nobody has to authenticate', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toThrow('add intake.bearer or intake.hmac');
  });

  test('says when the port is taken', async () => {
    const { url } = await start();
    const second = startIntake({
      client: world.client,
      config: { ...config, intake: { ...config.intake, port: Number(new URL(url).port) } },
      log: world.log,
    });
    await expect(second).rejects.toThrow('the port is taken');
  });

  test('a connection that sends nothing does not keep it from closing', async () => {
    const { url, close } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await new Promise((open) => socket.once('connect', open));
    socket.write('POST /v1/alerts HTTP/1.1\r\nHost: x\r\n');
    socket.on('error', () => undefined);
    const closed = new Promise((end) => socket.once('close', end));
    await close(50);
    await closed;
  });
});
