import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { archivedRun } from '../../adapters/flink-archive.js';
import { flinkRest } from '../../adapters/flink.js';
import type { Flink, Submission } from '../../adapters/ports.js';
import { webhdfsStorage } from '../../adapters/webhdfs.js';
import { faultOf } from '../../domain/failure.js';
import { type RunId, runId } from '../../domain/ids.js';
import type { Reading } from '../../domain/reading.js';
import { createTopics, jobJar, startStack, type Stack, until } from '../../stack/index.js';
import { faultyProxy } from '../support/faulty-proxy.js';

/** Milliseconds a call may last beyond its deadline: 100 by contract, and what a busy machine adds. */
const LATE = 1500;

/**
 * A real Flink with one job at a time; the tests build on each other, as one life of a cluster. What takes long and
 * does not depend on the version (outages of storage and JobManager) is done on one of them.
 */
describe.each(['1.20', '2.2'] as const)('the REST API of a real Flink %s', (version) => {
  let stack: Stack;
  let flink: Flink;
  let point = '';
  const jar = jobJar(version);
  const sha256 = createHash('sha256').update(readFileSync(jar)).digest('hex');
  const idOf = (n: number): RunId => runId(`${'f'.repeat(28)}${String(n).padStart(4, '0')}`);

  beforeAll(async () => {
    const flinkSettings = { checkpointInterval: '1s', blobSocketTimeout: 4000, sessionTimeout: 6000 };
    stack = await startStack({ label: 'flink-rest', flink: version, flinkSettings });
    flink = flinkRest('real', { rest: [stack.endpoints.flinkRest ?? ''] });
    await createTopics(stack.endpoints.kafka ?? '', [{ topic: 'in' }, { topic: 'out' }]);
  });
  afterAll(() => stack?.stop());

  const call = (deadline?: number) => {
    const { signal } = new AbortController();
    return deadline === undefined ? { signal } : { signal, deadline };
  };

  function submission(run: RunId, savepointPath: string | null, ...more: readonly string[]): Submission {
    const args = [
      '--brokers',
      stack.endpoints.kafka ?? '',
      '--in',
      'in',
      '--out',
      'out',
      '--group',
      'g',
      ...more,
    ];
    return {
      run,
      jar: { file: jar, sha256 },
      entryClass: null,
      args,
      parallelism: 2,
      savepointPath,
      flinkConfiguration: {},
    };
  }

  const codeOf = (reading: Reading<unknown>): string =>
    reading.is === 'unknown' ? reading.because.code : reading.is;

  const refusalOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      (value) => `no failure: ${String(value)}`,
      (error: unknown) => faultOf(error).code,
    );

  async function inTime<T>(deadline: number, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    expect(performance.now() - start).toBeLessThan(deadline + LATE);
    return result;
  }

  const checkpointed = (run: RunId, atLeast: number) =>
    until(
      `${run} has completed ${atLeast} checkpoints`,
      async () => {
        const reading = await flink.checkpoints(run, call());
        return reading.is === 'present' && reading.value.counts.completed >= atLeast;
      },
      { within: 60_000 },
    );

  it('starts a run under its id, once, and describes it', async () => {
    expect(await flink.job(idOf(1), call())).toEqual({ is: 'absent' });
    expect(await flink.submit(submission(idOf(1), null), call())).toBe('accepted');
    expect(await flink.submit(submission(idOf(1), null), call())).toBe('duplicate');
    await checkpointed(idOf(1), 2);
    const [overview, jobs, job, config, settings] = await Promise.all([
      flink.overview(call()),
      flink.jobs(call()),
      flink.job(idOf(1), call()),
      flink.checkpointConfig(idOf(1), call()),
      flink.configuration(call()),
    ]);
    expect(overview).toMatchObject({ is: 'present', value: { taskManagers: 1 } });
    expect(jobs).toMatchObject({ is: 'present', value: [{ run: idOf(1), state: 'RUNNING' }] });
    expect(job.is === 'present' && Object.keys(job.value.tasks)).toEqual(['RUNNING']);
    expect(config).toMatchObject({ is: 'present', value: { interval: 1000, retainedOnCancellation: true } });
    expect(settings).toMatchObject({ is: 'present', value: { 'high-availability.cluster-id': '/holdfast' } });
    expect(await flink.exceptions(idOf(1), call())).toEqual({ is: 'present', value: [] });
    expect(await flink.job(idOf(9), call())).toEqual({ is: 'absent' });
    expect(await flink.checkpoints(idOf(9), call())).toEqual({ is: 'absent' });
  });

  it('takes a savepoint under a fixed trigger id, and gives the same one again', async () => {
    const to = { directory: `${stack.endpoints.hdfsUri ?? ''}/flink/savepoints`, triggerId: 'a'.repeat(32) };
    point = await flink.savepoint(idOf(1), to, call(60_000));
    expect(point).toMatch(/\/flink\/savepoints\/savepoint-ffffff-/);
    expect(await flink.savepoint(idOf(1), to, call(60_000))).toBe(point);
  });

  it('cancels, and restores a new run from that point in NO_CLAIM mode', async () => {
    await flink.cancel(idOf(1), call());
    await flink.cancel(idOf(1), call());
    expect(await flink.job(idOf(1), call())).toMatchObject({ is: 'present', value: { state: 'CANCELED' } });
    expect(await flink.submit(submission(idOf(2), point), call())).toBe('accepted');
    await checkpointed(idOf(2), 1);
    expect(await flink.checkpoints(idOf(2), call())).toMatchObject({
      is: 'present',
      value: { restored: { path: point, savepoint: true } },
    });
    await flink.cancel(idOf(2), call());
  });

  it('leaves an archive of the ended run, which is read from the storage', async () => {
    const { uri, webhdfs } = stack.hdfs;
    const storage = webhdfsStorage('real', {
      kind: 'webhdfs',
      webhdfs,
      nameservice: null,
      authorities: [new URL(uri).host],
      user: 'flink',
      allow: ['/flink'],
      scratch: stack.scratch,
      redirectHosts: [],
    });
    const directory = stack.flink.places.archive ?? '';
    await until(
      'the archive is there',
      async () => (await archivedRun(storage, directory, idOf(1), call())).is === 'present',
      { within: 30_000 },
    );
    const archived = await archivedRun(storage, directory, idOf(1), call());
    const { latestSavepoint } = (archived.is === 'present' && archived.value.checkpoints) || {};
    expect(archived).toMatchObject({ is: 'present', value: { job: { run: idOf(1), state: 'CANCELED' } } });
    expect(latestSavepoint?.path).toBe(point);
    expect(await archivedRun(storage, directory, idOf(9), call())).toEqual({ is: 'absent' });
  });

  it('says what is wrong with a point, by what Flink found', async () => {
    const { files, uri } = stack.hdfs;
    const path = point.slice(uri.length);
    const metadata = await files.read(`${path}/_metadata`);
    await files.write('/flink/broken/cut/_metadata', metadata.subarray(0, metadata.length / 2));
    await files.write('/flink/broken/garbage/_metadata', 'this is no metadata');
    await files.makeDirectory('/flink/broken/empty');
    // Each under an id of its own: to the id of a run that has just failed Flink may say that it knows it already.
    let id = 30;
    const from = (savepoint: string, ...more: readonly string[]) =>
      refusalOf(flink.submit(submission(idOf((id += 1)), savepoint, ...more), call()));
    expect(await from(`${uri}/flink/broken/cut`)).toBe('StateCorrupt');
    expect(await from(`${uri}/flink/broken/garbage`)).toBe('StateCorrupt');
    expect(await from(`${uri}/flink/broken/empty`)).toBe('StateMissing');
    expect(await from(`${uri}/flink/broken/nowhere`)).toBe('StateMissing');
    expect(await from('hdfs://127.0.0.1:1/flink/x')).toBe('StorageUnavailable');
    expect(await from(point, '--total-uid', 'another')).toBe('StateIncompatible');
    expect(await flink.job(idOf(id), call())).toMatchObject({ is: 'present', value: { state: 'FAILED' } });
  });

  if (version === '1.20')
    it('says what is wrong with the storage, by what Flink found', async () => {
      let id = 40;
      const submit = () => refusalOf(flink.submit(submission(idOf((id += 1)), point), call(60_000)));
      await stack.hdfs.command('dfsadmin', '-safemode', 'enter');
      expect(await submit()).toBe('StorageSafeMode');
      await stack.hdfs.command('dfsadmin', '-safemode', 'leave');
      await stack.server('datanode').kill();
      expect(['StorageNotWritable', 'BlocksMissing', 'StorageUnavailable']).toContain(await submit());
      await stack.server('datanode').start();
      await stack.nameNodeUsable();
      stack.server('namenode').pause();
      expect(await submit()).toBe('StorageUnavailable');
      stack.server('namenode').resume();
      await stack.nameNodeUsable();
      for (const each of [41, 42, 43]) expect(await flink.job(idOf(each), call())).toEqual({ is: 'absent' });
    });

  it('is in doubt about a run whose answer was lost, and finds it under its id', async () => {
    const proxy = await faultyProxy(Number(new URL(stack.endpoints.flinkRest ?? '').port));
    try {
      await proxy.set({ is: 'reset', after: 'answer' }, /^POST \/jars\/[^/]+\/run/);
      const cut = flinkRest('cut', { rest: [`http://${proxy.address}`] });
      expect(await refusalOf(cut.submit(submission(idOf(5), point), call()))).toBe('SubmitInDoubt');
      expect(await flink.submit(submission(idOf(5), point), call())).toBe('duplicate');
      await checkpointed(idOf(5), 1);
    } finally {
      await proxy.close();
    }
  });

  if (version === '1.20')
    it('never says absent while the JobManager is frozen, gone or electing itself, and finds the run again', async () => {
      const jobManager = stack.server('jobmanager');
      jobManager.pause();
      await until('it is frozen', async () => codeOf(await flink.job(idOf(5), call(700))) !== 'present');
      expect(codeOf(await inTime(700, () => flink.job(idOf(5), call(700))))).toBe('FlinkUnavailable');
      const frozen = await inTime(700, () => refusalOf(flink.submit(submission(idOf(6), point), call(700))));
      expect(frozen).toBe('FlinkUnavailable');
      jobManager.resume();

      await jobManager.kill();
      expect(codeOf(await flink.job(idOf(5), call()))).toBe('FlinkUnavailable');
      expect(codeOf(await flink.jobs(call()))).toBe('FlinkUnavailable');
      expect(await refusalOf(flink.submit(submission(idOf(6), point), call()))).toBe('FlinkUnavailable');
      await jobManager.start({ wait: false });
      const seen = new Set<string>();
      await until(
        'the run is back',
        async () => {
          const reading = await flink.job(idOf(5), call());
          seen.add(codeOf(reading));
          return reading.is === 'present';
        },
        { within: 90_000 },
      );
      const says = new Set(['FlinkRestarting', 'FlinkUnavailable', 'present']);
      expect([...seen].filter((code) => !says.has(code))).toEqual([]);
      expect(await flink.job(idOf(6), call())).toEqual({ is: 'absent' });
    });
});
