import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import { planFor } from '../../domain/next.js';
import { jobName } from '../../domain/ids.js';
import {
  clusterIdOf,
  fillCommand,
  launchInDoubt,
  launchValues,
  lookedUpIn,
} from '../../domain/launch-command.js';
import { present } from '../../domain/reading.js';
import { assessment, evidence, path, point, run, RUN_A, RUN_B } from '../support/evidence.js';

const values = launchValues(jobName('window-counts'), RUN_A, path(RUN_B, 12));

describe('a launch command', () => {
  test('is told the point, the run id, the claim mode and a cluster id, also inside an argument', () => {
    const command = ['./submit.sh', '-s', '{restorePath}', '-Djob.id={runId}', '{claimMode}', '{clusterId}'];
    expect(fillCommand(command, values)).toEqual([
      './submit.sh',
      '-s',
      path(RUN_B, 12),
      `-Djob.id=${RUN_A}`,
      'NO_CLAIM',
      'holdfast-window-counts-aaaaaaaaaaaa',
    ]);
  });

  test('leaves alone what is no placeholder, and never fills what a value brought in', () => {
    expect(fillCommand(['{other}', '{}', '{restorePath}'], { ...values, restorePath: '{runId}' })).toEqual([
      '{other}',
      '{}',
      '{runId}',
    ]);
  });

  test('gets another cluster id with another run id, and the same with the same', () => {
    const job = jobName('window-counts');
    expect(clusterIdOf(job, RUN_A)).toBe(clusterIdOf(job, RUN_A));
    expect(clusterIdOf(job, RUN_A)).not.toBe(clusterIdOf(job, RUN_B));
  });

  test.each(['Ads_Team.counts', 'a'.repeat(100), 'x', 'ends.with-'])(
    'makes of the job %s a cluster id that Kubernetes takes',
    (name) => {
      expect(clusterIdOf(jobName(name), RUN_A)).toMatch(/^[a-z]([a-z0-9-]{0,43}[a-z0-9])?$/);
    },
  );
});

describe('the answer of a lookup', () => {
  const table: readonly [out: string, is: string | null, shown: string | null][] = [
    ['none\n', 'none', null],
    ['pending', 'pending', null],
    ['running', 'running', null],
    ['dead', 'dead', null],
    [`running ${RUN_B}`, 'running', RUN_B],
    [`WARN slf4j is not bound\n\nrunning ${RUN_B}\n`, 'running', RUN_B],
    ['', null, null],
    ['RUNNING', null, null],
    ['not running', null, null],
    ['running 12', null, null],
    [`running ${RUN_B} more`, null, null],
    ['none\nerror: no connection', null, null],
  ];
  test.each(table)('%j', (out, is, shown) => {
    const answer = lookedUpIn(out);
    expect(answer?.is ?? null).toBe(is);
    expect(answer?.shown ?? null).toBe(shown);
  });
});

describe('a submission whose run Flink shows under another id', () => {
  test('is confirmed under that id, never submitted again', () => {
    const shown = run({ run: RUN_B, state: 'RUNNING', ended: null, started: 5_000 });
    const e = evidence({
      assessment: assessment({ runs: present([shown, run()]) }),
      openSubmission: { run: RUN_A, point: point(RUN_A, 12).path, shown: RUN_B },
    });
    expect(decide(e)).toMatchObject({ do: 'confirm', run: RUN_B, point: path(RUN_A, 12) });
  });
});

describe('a launch in doubt', () => {
  test('can be approved as never submitted, for this run only', () => {
    const plan = planFor(launchInDoubt(RUN_A, 'it was killed'));
    expect(plan.approves).toContain('submit anew');
    expect(planFor(launchInDoubt(RUN_A, 'it was interrupted')).digest).toBe(plan.digest);
    expect(planFor(launchInDoubt(RUN_B, 'it was killed')).digest).not.toBe(plan.digest);
  });
});
