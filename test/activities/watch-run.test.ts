import { describe, expect, test } from 'vitest';
import { watchRun } from '../../activities/watch-run.js';
import type { Deps } from '../../activities/index.js';
import type { FlinkCheckpoint, Ports } from '../../adapters/ports.js';
import { parseConfig } from '../../config/load.js';
import { fault } from '../../domain/failure.js';
import { present, unknown } from '../../domain/reading.js';
import { RUN_A, RUN_B } from '../support/evidence.js';

const CONFIG = `
storage: { prod: { webhdfs: ['http://nn:9870'], authorities: ['nn:8020'], user: flink, allow: [/flink], scratch: /flink/probe } }
zookeeper: { main: { servers: ['zk:2181'] } }
clusters:
  counts:
    flink: { rest: ['http://jm:8081'] }
    ha: { zookeeper: main, root: /flink, clusterId: /default, storageDir: 'hdfs://nn:8020/flink/ha' }
    checkpoints: 'hdfs://nn:8020/flink/checkpoints'
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
`;

/** What is outside at a time (seconds since the watch began). */
interface World {
  /** Null: no JobManager answers. */
  readonly newest: (second: number) => { readonly id: string } | null | undefined;
  /** Length of the job result of a run, when there is one. */
  readonly result?: (second: number) => { readonly run: string; readonly length: number } | undefined;
}

/** Watches a simulated run; the reason for the end, and the second at which it came. */
async function watch(world: World): Promise<string> {
  let now = 0;
  const seconds = () => now / 1000;
  const job = { run: RUN_A, name: 'window counts', state: 'RUNNING', startTime: 0, endTime: null };
  const away = unknown(fault('FlinkUnavailable', 'connection refused'));
  const shown = <T>(value: (newest: { readonly id: string } | undefined) => T) => {
    const newest = world.newest(seconds());
    return newest === null ? away : present(value(newest));
  };
  const directory = 'hdfs://nn:8020/flink/ha/job-result-store/default';
  const ports = {
    clock: {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
        if (now > 3_600_000) throw new Error('it watches for an hour');
      },
    },
    flink: () => ({
      jobs: async () => shown(() => [job]),
      job: async () => shown(() => ({ ...job, tasks: { RUNNING: 4 }, timestamps: {}, vertices: [] })),
      checkpoints: async () =>
        shown((newest) => ({
          counts: { completed: 9, failed: 0, restored: 0, inProgress: 0 },
          latestCompleted: (newest ?? null) as FlinkCheckpoint | null,
        })),
    }),
    storageOf: () => ({
      name: 'prod',
      storage: {
        list: async (_uri: string, take: (page: readonly object[]) => void) => {
          const found = world.result?.(seconds());
          if (found !== undefined)
            take([{ path: `${directory}/${found.run}_DIRTY.json`, kind: 'file', length: found.length }]);
          return present({ entries: found === undefined ? 0 : 1 });
        },
      },
    }),
  } as unknown as Ports;
  const config = parseConfig(CONFIG, { file: '/nowhere/holdfast.yaml', env: {} });
  const because = await watchRun(
    { config, ports } as Deps,
    { job: 'window-counts', run: RUN_A, until: 'settled' },
    new AbortController().signal,
    () => undefined,
  );
  return `${Math.round(seconds())} s: ${because}`;
}

describe('watching Flink bring a run back', () => {
  test('goes on until a checkpoint completes that was not there before', async () => {
    const seen = await watch({ newest: (second) => ({ id: second < 40 ? '12' : '13' }) });
    expect(seen).toBe(`40 s: ${RUN_A} runs and completes checkpoints`);
  });

  test('takes the first checkpoint of a new JobManager for a new one', async () => {
    const seen = await watch({ newest: (s) => (s < 5 ? null : s < 20 ? undefined : { id: '13' }) });
    expect(seen).toBe(`20 s: ${RUN_A} runs and completes checkpoints`);
  });

  test('ends when the JobManager that answered is gone', async () => {
    const seen = await watch({ newest: (second) => (second < 30 ? { id: '12' } : null) });
    expect(seen).toBe('40 s: no JobManager answers any more');
  });

  test('ends when an empty job result appears while no JobManager answers', async () => {
    const result = (second: number) => (second < 60 ? undefined : { run: RUN_A, length: 0 });
    expect(await watch({ newest: () => null, result })).toMatch(/^6\d s: an empty job result/);
  });

  test.each([
    ['of another run', { run: RUN_B, length: 0 }],
    ['with content', { run: RUN_A, length: 300 }],
  ])('is not ended by a job result %s', async (_what, result) => {
    expect(await watch({ newest: () => null, result: () => result })).toMatch(/longer than ten minutes/);
  });
});
