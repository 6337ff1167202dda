import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { flinkRest } from '../../adapters/flink.js';
import type { Flink, Submission } from '../../adapters/ports.js';
import type { FlinkConfig } from '../../config/config.js';
import { faultOf } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import type { Reading } from '../../domain/reading.js';
import { secret } from '../../domain/secret.js';
import { type FaultyProxy, faultyProxy, HTTP_FAULTS } from '../support/faulty-proxy.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { capture, ELECTION, errors, type FakeFlink, fakeFlink, html, json, routesOf } from './flink-fake.js';

const RUN_120 = runId('aaaaaaaaaaaaaaaaaaaaaaaaaaaa0001');
const RUN_B = runId('aaaaaaaaaaaaaaaaaaaaaaaaaaaa0002');
const RUN_22 = runId('eeeeeeeeeeeeeeeeeeeeeeeeeeee0001');
const STRANGER = runId('00000000000000000000000000000099');

/** Milliseconds a call may last beyond its deadline: 100 by contract, and what a busy machine adds. */
const LATE = 1_500;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function fake(...args: Parameters<typeof fakeFlink>): Promise<FakeFlink> {
  const server = await fakeFlink(...args);
  stops.push(() => server.close());
  return server;
}

async function proxyTo(target: number | null): Promise<FaultyProxy> {
  const proxy = await faultyProxy(target);
  stops.push(() => proxy.close());
  return proxy;
}

const call = (deadline?: number) => {
  const { signal } = new AbortController();
  return deadline === undefined ? { signal } : { signal, deadline };
};

const flinkAt = (...rest: string[]): Flink => flinkRest('test', { rest });

function valueOf<T>(reading: Reading<T>): T {
  if (reading.is !== 'present') throw new Error(`expected present, found ${JSON.stringify(reading)}`);
  return reading.value;
}

const codeOf = (reading: Reading<unknown>): string =>
  reading.is === 'unknown' ? reading.because.code : reading.is;

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    return { code: `no failure: ${String(await work)}`, message: '' };
  } catch (error) {
    return faultOf(error);
  }
}

describe('a look at a JobManager', () => {
  it('reads overview, jobs, job, checkpoints and configuration of Flink 1.20', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    const flink = flinkAt(server.url);
    expect(valueOf(await flink.overview(call()))).toEqual({
      version: '1.20.5',
      slotsTotal: 4,
      slotsAvailable: 2,
      taskManagers: 1,
      endpoint: server.url,
    });
    expect(valueOf(await flink.jobs(call()))).toEqual([
      { run: RUN_120, name: 'window-count', state: 'RUNNING', startTime: 1795405879222, endTime: null },
    ]);
    const job = valueOf(await flink.job(RUN_120, call()));
    expect(job.tasks).toEqual({ RUNNING: 6 });
    expect(job.timestamps).toEqual({
      INITIALIZING: 1795405879222,
      CREATED: 1795405879464,
      RUNNING: 1795405879682,
    });
    expect(job.vertices.map(({ name, parallelism }) => [name, parallelism])).toContainEqual(['window', 2]);
    const checkpoints = valueOf(await flink.checkpoints(RUN_120, call()));
    expect(checkpoints.counts).toEqual({ completed: 6, failed: 1, restored: 0, inProgress: 0 });
    expect(checkpoints.restored).toBeNull();
    expect(checkpoints.latestCompleted).toEqual({
      id: '6',
      status: 'COMPLETED',
      savepoint: false,
      terminating: false,
      path: `hdfs://127.0.0.1:28020/flink/1.20/checkpoints/${RUN_120}/chk-6`,
      discarded: false,
      triggered: 1795405898122,
      stateSize: 101855,
      failure: null,
    });
    expect(checkpoints.history.map(({ id }) => Number(id))).toEqual(
      [7, 6, 5, 4, 3, 2, 1].slice(-checkpoints.history.length),
    );
    expect(valueOf(await flink.checkpointConfig(RUN_120, call()))).toEqual({
      interval: 3000,
      timeout: 600000,
      retainedOnCancellation: true,
      tolerableFailed: 0,
      mode: 'exactly_once',
    });
    expect(valueOf(await flink.exceptions(RUN_120, call()))).toEqual([]);
  });

  it('reads the same of Flink 2.2', async () => {
    const server = await fake(routesOf('flink-2.2/running', RUN_22));
    const flink = flinkAt(server.url);
    expect(valueOf(await flink.overview(call())).version).toMatch(/^2\.2\./);
    expect(valueOf(await flink.job(RUN_22, call())).state).toBe('RUNNING');
    expect(valueOf(await flink.checkpoints(RUN_22, call())).history.at(-1)?.discarded).toBe(true);
    expect(valueOf(await flink.exceptions(RUN_22, call()))).toEqual([]);
  });

  it('counts tasks that wait for a slot, although the job is called RUNNING', async () => {
    const server = await fake(routesOf('flink-1.20/a-recovered-no-tm', RUN_120));
    const job = valueOf(await flinkAt(server.url).job(RUN_120, call()));
    expect(job.state).toBe('RUNNING');
    expect(job.tasks).toEqual({ SCHEDULED: 6 });
  });

  it('gives the first fault before its side effects', async () => {
    const server = await fake(routesOf('flink-1.20/b-failed', RUN_B));
    const exceptions = valueOf(await flinkAt(server.url).exceptions(RUN_B, call()));
    expect(exceptions.map(({ time }) => time)).toEqual(
      [...exceptions.map(({ time }) => time)].sort((a, b) => a - b),
    );
    expect(exceptions.map(({ name }) => name)).toEqual([
      'java.io.IOException',
      'java.lang.Exception',
      'java.lang.Exception',
      'java.lang.Exception',
      'org.apache.flink.runtime.JobException',
    ]);
    expect(exceptions[1]?.message).toMatch(/FileNotFoundException\): File does not exist: .*\/shared\//);
    expect(exceptions.every(({ message }) => message.length <= 500 && !message.includes('\n'))).toBe(true);
  });

  it('sees what a run was restored from', async () => {
    const server = await fake(routesOf('flink-1.20/b-failed', RUN_B));
    expect(valueOf(await flinkAt(server.url).checkpoints(RUN_B, call())).restored).toEqual({
      id: '51',
      path: `hdfs://127.0.0.1:28020/flink/1.20/checkpoints/${RUN_B}/chk-51`,
      savepoint: false,
      time: 1795406711593,
    });
  });

  it('leaves secrets out of the configuration', async () => {
    const config = [
      ['high-availability.cluster-id', '/lab'],
      ['state.checkpoints.dir', 'hdfs://user:hunter2@nn/flink'],
      ['security.ssl.rest.key-password', 'hunter2'],
      ['s3.secret-key', 'hunter2'],
      ['fs.azure.account.oauth2.client.secret', 'hunter2'],
      ['my.auth.token', 'hunter2'],
      ['env.java.opts.all', '-Xmx1g -Djavax.net.ssl.trustStorePassword=hunter2 -Dx=y'],
    ].map(([key, value]) => ({ key, value }));
    const server = await fake([['GET /jobmanager/config', json(config)]]);
    const settings = valueOf(await flinkAt(server.url).configuration(call()));
    expect(JSON.stringify(settings)).not.toContain('hunter2');
    expect(settings).toEqual({
      'high-availability.cluster-id': '/lab',
      'state.checkpoints.dir': 'hdfs://***@nn/flink',
      'env.java.opts.all': '-Xmx1g -Djavax.net.ssl.trustStorePassword=*** -Dx=y',
    });
  });

  it('refuses to guess a job state that it does not know', async () => {
    const body = {
      jobs: [{ jid: RUN_120, name: 'x', state: 'LEVITATING', 'start-time': 1, 'end-time': -1 }],
    };
    const server = await fake([['GET /jobs/overview', json(body)]]);
    expect(codeOf(await flinkAt(server.url).jobs(call()))).toBe('Unclassified');
  });

  it('sends basic and bearer authentication, and says which was refused without saying what it was', async () => {
    const server = await fake([['GET /overview', errors(401, 'Unauthorized')]]);
    const auths: FlinkConfig['auth'][] = [
      { basic: { username: 'u', password: secret('hunter2') } },
      { bearer: secret('hunter2') },
    ];
    for (const auth of auths) {
      const reading = await flinkRest('t', { rest: [server.url], ...(auth ? { auth } : {}) }).overview(
        call(),
      );
      expect(codeOf(reading)).toBe('AuthFailed');
      expect(JSON.stringify(reading)).not.toContain('hunter2');
    }
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('u:hunter2').toString('base64')}`,
      'Bearer hunter2',
    ]);
  });

  it('keeps the path of an address behind a gateway', async () => {
    const server = await fake([
      ['GET /flink/prod/overview', { status: 200, body: capture('flink-1.20/running/overview.json') }],
    ]);
    expect(valueOf(await flinkAt(`${server.url}/flink/prod/`).overview(call())).version).toBe('1.20.5');
  });
});

describe('absent', () => {
  it('is a run that the leader does not know', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    const flink = flinkAt(server.url);
    const looks = [
      flink.job(STRANGER, call()),
      flink.checkpoints(STRANGER, call()),
      flink.checkpointConfig(STRANGER, call()),
      flink.exceptions(STRANGER, call()),
    ];
    expect(await Promise.all<unknown>(looks)).toEqual(looks.map(() => ({ is: 'absent' })));
  });

  it('is a checkpoint configuration where checkpointing is off', async () => {
    const path = `GET /jobs/${RUN_120}/checkpoints/config`;
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    server.routes.set(path, errors(404, `Checkpointing is not enabled for this job (${RUN_120}).`));
    expect(await flinkAt(server.url).checkpointConfig(RUN_120, call())).toEqual({ is: 'absent' });
  });

  it.each([
    ["a proxy's page", html(404)],
    ['a JobManager in an election', ELECTION],
    ['a page with status 200', html(200)],
    ['a history server', errors(404, 'Not found: /overview')],
  ])('is not said when the overview of the same address is %s', async (_, overview) => {
    const server = await fake([['GET /overview', overview]]);
    expect(codeOf(await flinkAt(server.url).job(STRANGER, call()))).toBe('FlinkUnavailable');
  });

  it.each([
    ["a proxy's 404", html(404)],
    ["a 404 in somebody else's JSON", json({ message: 'no route' }, 404)],
    ['a 404 that does not name the run', errors(404, 'Not found: /jobs')],
    ['an empty answer', { status: 200, body: '' }],
    ["a proxy's 200", html(200)],
    ['a 500', errors(500, 'Internal server error.')],
    ['a 502', html(502)],
    [
      'a redirect elsewhere',
      { status: 302, body: '', headers: { location: 'http://elsewhere.invalid/login?t=1' } },
    ],
  ])('is not said after %s', async (_, answer) => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    server.routes.set(`GET /jobs/${STRANGER}`, answer);
    expect(codeOf(await flinkAt(server.url).job(STRANGER, call()))).toBe('FlinkUnavailable');
  });
});

describe('several addresses', () => {
  it('asks the next one while the first is in an election or dead, and then remembers it', async () => {
    const electing = await fake([['GET /overview', ELECTION]]);
    const dead = await proxyTo(null);
    await dead.set({ is: 'refuse' });
    const leading = await fake(routesOf('flink-1.20/running', RUN_120));
    const flink = flinkAt(electing.url, `http://${dead.address}`, leading.url);
    expect(valueOf(await flink.overview(call())).endpoint).toBe(leading.url);
    const asked = electing.received.length;
    expect(valueOf(await flink.overview(call())).endpoint).toBe(leading.url);
    expect(electing.received.length).toBe(asked);
  });

  it('says that an election is under way when that is all there is', async () => {
    const electing = await fake([['GET /overview', ELECTION]]);
    const dead = await proxyTo(null);
    await dead.set({ is: 'refuse' });
    expect(codeOf(await flinkAt(`http://${dead.address}`, electing.url).overview(call()))).toBe(
      'FlinkRestarting',
    );
  });

  it('leaves time for the second address when the first one hangs', async () => {
    const frozen = await proxyTo(null);
    await frozen.set({ is: 'hang' });
    const leading = await fake(routesOf('flink-1.20/running', RUN_120));
    const reading = await flinkAt(`http://${frozen.address}`, leading.url).overview(call(4_000));
    expect(valueOf(reading).endpoint).toBe(leading.url);
  });
});

describe('a submission', () => {
  let folder: string;
  let submission: Submission;
  const bytes = Buffer.from('PK\u0003\u0004 not really a program');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-flink-'));
    stops.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'window counts.jar');
    await writeFile(file, bytes);
    submission = {
      run: STRANGER,
      jar: { file, sha256: createHash('sha256').update(bytes).digest('hex') },
      entryClass: 'lab.WindowCountJob',
      args: ['--window', '15 m'],
      parallelism: 2,
      savepointPath: 'hdfs://prod/flink/checkpoints/x/chk-7',
      flinkConfiguration: { 'execution.checkpointing.interval': '3 s' },
    };
  });

  const uploadName = () => `${submission.jar.sha256}_window-counts.jar`;
  const RUN_PATH = '/jars/7e_x.jar/run';

  /** A leader that stores what is uploaded. */
  async function leader(options: { readonly uploaded?: true } = {}): Promise<FakeFlink> {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    const files = options.uploaded ? [{ id: '7e_x.jar', name: uploadName(), uploaded: 1, entry: [] }] : [];
    server.routes.set('GET /jars', () => json({ address: server.url, files }));
    server.routes.set('POST /jars/upload', () => {
      files.push({ id: '7e_x.jar', name: uploadName(), uploaded: 1, entry: [] });
      return json({ filename: `/tmp/7e_x.jar`, status: 'success' });
    });
    server.routes.set(`POST ${RUN_PATH}`, json({ jobid: STRANGER }));
    return server;
  }

  const runsSent = (server: FakeFlink) => server.received.filter(({ path }) => path === RUN_PATH);

  it('uploads the jar under its digest and starts the run with its id, its point and NO_CLAIM', async () => {
    const server = await leader();
    expect(await flinkAt(server.url).submit(submission, call())).toBe('accepted');
    const upload = server.received.find(({ path }) => path === '/jars/upload');
    expect(upload?.body).toContain(`name="jarfile"; filename="${uploadName()}"`);
    expect(upload?.body).toContain(bytes.toString('latin1'));
    expect(runsSent(server)).toHaveLength(1);
    expect(JSON.parse(runsSent(server)[0]?.body ?? '')).toEqual({
      jobId: STRANGER,
      entryClass: 'lab.WindowCountJob',
      programArgsList: ['--window', '15 m'],
      parallelism: 2,
      allowNonRestoredState: false,
      savepointPath: 'hdfs://prod/flink/checkpoints/x/chk-7',
      restoreMode: 'NO_CLAIM',
      claimMode: 'NO_CLAIM',
      flinkConfiguration: { 'execution.checkpointing.interval': '3 s' },
    });
  });

  it('does not upload a jar that the leader has by digest, nor need the local file', async () => {
    const server = await leader({ uploaded: true });
    await rm(submission.jar.file);
    expect(await flinkAt(server.url).submit(submission, call())).toBe('accepted');
    expect(server.received.some(({ path }) => path === '/jars/upload')).toBe(false);
  });

  it('says that Flink had the run already', async () => {
    const server = await leader({ uploaded: true });
    server.routes.set(`POST ${RUN_PATH}`, {
      status: 400,
      body: capture('flink-1.20/d-duplicate-running/response.json'),
    });
    expect(await flinkAt(server.url).submit(submission, call())).toBe('duplicate');
  });

  it.each([
    ['a missing jar', async () => rm(submission.jar.file)],
    ['a jar that was built again', async () => writeFile(submission.jar.file, 'another')],
  ])('refuses %s and submits nothing', async (_, spoil) => {
    const server = await leader();
    await spoil();
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('JarMissing');
    expect(server.received.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('says that a cluster takes no jars', async () => {
    const server = await leader();
    server.routes.delete('GET /jars');
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('ConfigInvalid');
  });

  it.each([
    ['c-metadata-truncated', 'StateCorrupt'],
    ['c-metadata-missing', 'StateMissing'],
    ['c-state-unmapped', 'StateIncompatible'],
    ['c-safemode', 'StorageSafeMode'],
    ['c-dn-down', 'StorageNotWritable'],
    ['c-nn-down', 'StorageUnavailable'],
  ])('fails with what Flink found: %s', async (name, code) => {
    const server = await leader({ uploaded: true });
    server.routes.set(`POST ${RUN_PATH}`, { status: 400, body: capture(`flink-1.20/${name}/response.json`) });
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe(code);
    expect(runsSent(server)).toHaveLength(1);
  });

  it('looks for the run after an error that it does not know', async () => {
    const server = await leader({ uploaded: true });
    const strange = errors(400, 'a.B: Could not execute application.\nCaused by: c.D: something new');
    server.routes.set(`POST ${RUN_PATH}`, strange);
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('Unclassified');

    const running = capture('flink-1.20/running/job.json').replaceAll(RUN_120, STRANGER);
    server.routes.set(`GET /jobs/${STRANGER}`, { status: 200, body: running });
    const found = await failureOf(flinkAt(server.url).submit(submission, call()));
    expect(found).toMatchObject({
      code: 'SubmitInDoubt',
      message: expect.stringContaining('the run is RUNNING') as string,
    });
  });

  it.each([
    ['a reset', 'reset'],
    ["a gateway's page", html(502)],
    ["a gateway's 503", html(503)],
    ['a 504', html(504)],
    ["a gateway's 200", html(200)],
    ['a 500 of Flink', errors(500, 'Internal server error.')],
    ['another run id', json({ jobid: RUN_120 })],
    ['a 400 of somebody else', html(400)],
    ['an empty 200', { status: 200, body: '' }],
  ] as const)('is in doubt after %s, and sent only once', async (_, answer) => {
    const server = await leader({ uploaded: true });
    server.routes.set(`POST ${RUN_PATH}`, answer === 'reset' ? () => 'reset' : answer);
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('SubmitInDoubt');
    expect(runsSent(server)).toHaveLength(1);
  });

  it('is in doubt when its deadline passes, in time', async () => {
    const server = await leader({ uploaded: true });
    server.routes.set(`POST ${RUN_PATH}`, () => 'hang');
    const start = performance.now();
    expect((await failureOf(flinkAt(server.url).submit(submission, call(2_000)))).code).toBe('SubmitInDoubt');
    expect(performance.now() - start).toBeLessThan(2_000 + LATE);
    expect(runsSent(server)).toHaveLength(1);
  });

  it('was never accepted when the JobManager is gone before it is sent', async () => {
    const server = await leader({ uploaded: true });
    // The connection for the listing is the last one that the JobManager takes.
    server.routes.set('GET /jars', () => {
      server.refuse();
      return json({ files: [{ id: '7e_x.jar', name: uploadName(), uploaded: 1, entry: [] }] });
    });
    const found = await failureOf(flinkAt(server.url).submit(submission, call()));
    expect(found.code).toBe('FlinkUnavailable');
    expect(runsSent(server)).toHaveLength(0);
  });

  it.each([
    ['an election', ELECTION],
    ['a dead gateway', html(502)],
  ])('was never accepted when all that answers is %s', async (_, answer) => {
    const server = await leader();
    server.routes.set('GET /jars', answer);
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('FlinkUnavailable');
  });

  it('was never accepted when an election begins just before it', async () => {
    const server = await leader({ uploaded: true });
    server.routes.set(`POST ${RUN_PATH}`, ELECTION);
    expect((await failureOf(flinkAt(server.url).submit(submission, call()))).code).toBe('FlinkUnavailable');
  });

  it('gives the reason of the abort when it is aborted', async () => {
    const server = await leader({ uploaded: true });
    const abort = new AbortController();
    server.routes.set(`POST ${RUN_PATH}`, () => {
      abort.abort(new Error('the worker shuts down'));
      return 'hang';
    });
    await expect(flinkAt(server.url).submit(submission, { signal: abort.signal })).rejects.toThrow(
      'the worker shuts down',
    );
  });
});

describe('a cancellation', () => {
  const jobIn = (state: string) => ({
    status: 200,
    body: capture('flink-1.20/running/job.json').replace('"state":"RUNNING"', `"state":"${state}"`),
  });

  it('ends when the run is seen to have ended', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    server.routes.set(`PATCH /jobs/${RUN_120}`, () => {
      server.routes.set(`GET /jobs/${RUN_120}`, jobIn('CANCELED'));
      return json({}, 202);
    });
    await flinkAt(server.url).cancel(RUN_120, call());
    expect(server.received.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  it.each(['FAILED', 'CANCELED', 'FINISHED'])('of a run that is %s asks for nothing', async (state) => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    server.routes.set(`GET /jobs/${RUN_120}`, jobIn(state));
    await flinkAt(server.url).cancel(RUN_120, call());
    expect(server.received.some(({ method }) => method === 'PATCH')).toBe(false);
  });

  it('asks again after the 500 that Flink gives in the first moments of a job', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    let asked = 0;
    server.routes.set(`PATCH /jobs/${RUN_120}`, () => {
      asked += 1;
      if (asked === 1) return errors(500, 'Cancellation failed.');
      server.routes.set(`GET /jobs/${RUN_120}`, jobIn('FAILED'));
      return errors(
        409,
        'Job cancellation failed because the job has already reached another terminal state (FAILED).',
      );
    });
    await flinkAt(server.url).cancel(RUN_120, call());
    expect(asked).toBe(2);
  });

  it('is not confirmed while the run goes on', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    server.routes.set(`PATCH /jobs/${RUN_120}`, json({}, 202));
    expect((await failureOf(flinkAt(server.url).cancel(RUN_120, call(600)))).code).toBe('FlinkUnavailable');
  });
});

describe('a savepoint', () => {
  const triggerId = '11111111111111111111111111111111';
  const to = { directory: 'hdfs://127.0.0.1:28020/flink/2.2/savepoints', triggerId };
  const STATUS = `GET /jobs/${RUN_22}/savepoints/${triggerId}`;
  const status = (name: string) => ({ status: 200, body: capture(`flink-2.2/savepoints/${name}.json`) });

  async function server(): Promise<FakeFlink> {
    const made = await fake(routesOf('flink-2.2/running', RUN_22));
    made.routes.set(
      STATUS,
      errors(404, `There is no savepoint operation with triggerId=${triggerId} for job.`),
    );
    made.routes.set(`POST /jobs/${RUN_22}/savepoints`, () => {
      made.routes.set(STATUS, status('checkpoint-trigger-status'));
      setTimeout(() => made.routes.set(STATUS, status('status')), 100);
      return json({ 'request-id': triggerId }, 202);
    });
    return made;
  }

  it('is triggered once under its id and waited for', async () => {
    const made = await server();
    expect(await flinkAt(made.url).savepoint(RUN_22, to, call())).toBe(
      'hdfs://127.0.0.1:28020/flink/2.2/savepoints/savepoint-eeeeee-f3bd0611f3ed',
    );
    const triggers = made.received.filter(({ method }) => method === 'POST');
    expect(triggers.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { 'target-directory': to.directory, 'cancel-job': false, triggerId },
    ]);
  });

  it('is not triggered again when an earlier call already did', async () => {
    const made = await server();
    made.routes.set(STATUS, status('status'));
    expect(await flinkAt(made.url).savepoint(RUN_22, to, call())).toContain('savepoint-eeeeee');
    expect(made.received.some(({ method }) => method === 'POST')).toBe(false);
  });

  it('fails when Flink completed the operation with a failure', async () => {
    const made = await server();
    made.routes.set(STATUS, status('nn-down-status'));
    const found = await failureOf(flinkAt(made.url).savepoint(RUN_22, to, call()));
    expect(found).toMatchObject({
      code: 'Unclassified',
      message: expect.stringContaining('Not all required tasks') as string,
    });
  });
});

describe('a proxy in between', () => {
  it.each(HTTP_FAULTS)('that $name makes every look unknown, in time', async (fault) => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    const proxy = await proxyTo(server.port);
    await proxy.set(fault);
    const flink = flinkAt(`http://${proxy.address}`);
    const looks = [
      () => flink.overview(call(250)),
      () => flink.configuration(call(250)),
      () => flink.jobs(call(250)),
      () => flink.job(RUN_120, call(250)),
      () => flink.checkpoints(RUN_120, call(250)),
      () => flink.checkpointConfig(RUN_120, call(250)),
      () => flink.exceptions(STRANGER, call(250)),
    ];
    for (const look of looks) {
      const start = performance.now();
      // Flink itself denies nothing: a 403 is the gateway's answer to us.
      const isDenied = fault.is === 'html' && fault.status === 403;
      expect(codeOf(await look())).toBe(isDenied ? 'AccessDenied' : 'FlinkUnavailable');
      expect(performance.now() - start).toBeLessThan(250 + LATE);
    }
    await proxy.set({ is: 'none' });
    expect((await flink.overview(call())).is).toBe('present');
  });

  it('ends a call at once when it is aborted', async () => {
    const proxy = await proxyTo(null);
    await proxy.set({ is: 'hang' });
    const abort = new AbortController();
    const look = flinkAt(`http://${proxy.address}`).overview({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(look).rejects.toThrow('enough');
  });

  it('leaves no socket, timer or listener behind after 500 faulty calls', async () => {
    const server = await fake(routesOf('flink-1.20/running', RUN_120));
    const proxy = await proxyTo(server.port);
    const flink = flinkAt(`http://${proxy.address}`);
    await expectNothingLeft(async (signal) => {
      for (let n = 0; n < 500;) {
        await proxy.set(HTTP_FAULTS[(n / 10) % HTTP_FAULTS.length] ?? { is: 'none' });
        const burst = Array.from({ length: 10 }, () => flink.job(RUN_120, { signal, deadline: 30 }));
        for (const reading of await Promise.all(burst)) expect(reading.is).toBe('unknown');
        n += burst.length;
      }
      await proxy.set({ is: 'none' });
    });
  });
});
