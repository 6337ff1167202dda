/** A job that the operator's own program submits: what is believed of it, and when it is called again. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../../activities/deps.js';
import { readState } from '../../activities/read-state.js';
import { restoreJob, type RestoreInput } from '../../activities/restore-job.js';
import type { Ran } from '../../adapters/ports.js';
import { failure, fault, faultOf } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { present } from '../../domain/reading.js';
import { pointFromPath } from '../../domain/restore-point.js';
import { chk, depsOf, fakeRun, incident, WRITER, type World } from '../support/fake-ports.js';

const NEW = runId('b'.repeat(32));
const SHOWN = runId('c'.repeat(32));
const { signal } = new AbortController();

let world: World;
let deps: Deps;
let submits: number;
/** What the programs do; a lookup tells in turn what is in the list, the last one for ever. */
let submit: () => Ran;
let lookups: readonly (string | Ran)[];

const launchedBy = (launch: string) => (config: string) => config.replace(/launch: .*/, `launch: ${launch}`);
const COMMAND = `command: [./submit.sh, '{restorePath}', '{runId}']`;
const well = (out = ''): Ran => ({ code: 0, out, because: null });
const failed = (code: 'Unclassified' | 'StateCorrupt' | 'SubmitInDoubt', message: string): Ran => ({
  code: 1,
  out: '',
  because: fault(code, message),
});
const cutOff = (): Ran => {
  throw failure('Unclassified', 'expected submit.sh to end within 340000 ms; it was killed');
};

const withLookup = () => (deps = depsOf(world, launchedBy(`{ ${COMMAND}, lookup: [./find.sh, '{runId}'] }`)));
const withoutLookup = () => (deps = depsOf(world, launchedBy(`{ ${COMMAND} }`)));

beforeEach(() => {
  world = incident();
  submits = 0;
  submit = () => well();
  lookups = ['none', 'running'];
  world.onCommand = ([program]) => {
    if (program === './submit.sh') {
      submits++;
      return submit();
    }
    const [said = 'none', ...rest] = lookups;
    if (rest.length > 0) lookups = rest;
    return typeof said === 'string' ? well(said) : said;
  };
  withLookup();
});

const restore = async (change: Partial<RestoreInput> = {}) => {
  const verdict = await readState(
    depsOf(world),
    { job: 'window-counts', point: pointFromPath(chk(8)) },
    signal,
    () => undefined,
  );
  if (verdict.is !== 'sound') throw new Error('the fixture is broken');
  const input: RestoreInput = {
    job: 'window-counts',
    run: NEW,
    point: pointFromPath(chk(8)),
    sha256: verdict.facts.sha256,
    submitted: [NEW],
    consented: false,
    repeated: false,
    ...change,
  };
  return restoreJob(deps, input, signal);
};
/** The outcome in a word. */
const outcome = (change: Partial<RestoreInput> = {}) =>
  restore(change).then(
    ({ is, shown }) => (shown === undefined ? is : `${is} as ${shown}`),
    (error: unknown) => faultOf(error).code,
  );

describe('a launch command', () => {
  test('is told the verified point and the recorded run id', async () => {
    expect(await restore()).toMatchObject({ is: 'accepted' });
    expect(world.acts).toContain(`run ./submit.sh ${chk(8)} ${NEW}`);
  });

  test('is not called while Flink holds the job', async () => {
    world.ha = present({ jobs: [{ run: WRITER, graph: true, checkpoints: [], counter: 1 }], leader: null });
    expect(await outcome()).toBe('FlinkRestarting');
    expect(submits).toBe(0);
  });

  test('that cannot be started was not called', async () => {
    submit = () => {
      throw failure('ConfigInvalid', 'the program cannot be started: ENOENT');
    };
    expect(await outcome()).toBe('ConfigInvalid');
  });
});

describe('with a lookup', () => {
  const table: readonly [
    promise: string,
    program: () => Ran,
    found: readonly (string | Ran)[],
    expected: string,
    calls: number,
  ][] = [
    ['a run that is found is accepted', () => well(), ['none', 'running'], 'accepted', 1],
    ['a run that waits for resources is accepted', () => well(), ['none', 'pending'], 'accepted', 1],
    ['a run may take a while to be found', () => well(), ['none', 'none', 'none', 'running'], 'accepted', 1],
    [
      'a run is known by the id that the lookup names',
      () => well(),
      ['none', `running ${SHOWN}`],
      `accepted as ${SHOWN}`,
      1,
    ],
    ['a run that has died already is over', () => well(), ['none', 'dead'], 'ended', 1],
    ['a run that nobody finds is in doubt', () => well(), ['none'], 'SubmitInDoubt', 1],
    [
      'a program that fails after the job was taken has submitted it',
      () => failed('Unclassified', 'exit code 1'),
      ['none', 'running'],
      'accepted',
      1,
    ],
    [
      'a program that fails before has not',
      () => failed('Unclassified', 'exit code 1'),
      ['none'],
      'Unclassified',
      1,
    ],
    [
      'a refusal of Flink counts by its own code',
      () => failed('StateCorrupt', 'Unexpected magic number'),
      ['none', 'dead'],
      'StateCorrupt',
      1,
    ],
    [
      'a program that was killed may have submitted it: the lookup tells',
      cutOff,
      ['none', 'pending'],
      'accepted',
      1,
    ],
    ['or leaves it in doubt', cutOff, ['none'], 'SubmitInDoubt', 1],
    ['what the lookup knows before is not submitted again', () => well(), ['running'], 'duplicate', 0],
    ['nor what it shows as waiting', () => well(), [`pending ${SHOWN}`], `duplicate as ${SHOWN}`, 0],
    ['an id that is used up is over', () => well(), ['dead'], 'ended', 0],
    [
      'without an answer before, nothing is submitted',
      () => well(),
      [failed('Unclassified', 'no route to YARN')],
      'FlinkUnavailable',
      0,
    ],
    ['an answer that is none is no answer', () => well(), ['I think so'], 'FlinkUnavailable', 0],
    [
      'without an answer after, it is in doubt',
      () => well(),
      ['none', failed('Unclassified', 'no route to YARN')],
      'SubmitInDoubt',
      1,
    ],
  ];
  test.each(table)('%s', async (_promise, program, found, expected, calls) => {
    submit = program;
    lookups = found;
    expect(await outcome()).toBe(expected);
    expect(submits).toBe(calls);
  });

  test('an interrupted call is looked up, and repeated only when it was never taken', async () => {
    lookups = [`running ${SHOWN}`];
    expect(await outcome({ repeated: true })).toBe(`duplicate as ${SHOWN}`);
    expect(submits).toBe(0);
    lookups = ['none', 'running'];
    expect(await outcome({ repeated: true })).toBe('accepted');
    expect(submits).toBe(1);
  });

  test('Flink showing the run needs no lookup', async () => {
    world.runs.push(fakeRun({ run: NEW, state: 'RUNNING' }));
    lookups = [failed('Unclassified', 'no route to YARN')];
    expect(await outcome({ inDoubt: true })).toBe('duplicate');
  });
});

describe('without a lookup', () => {
  beforeEach(() => void withoutLookup());

  const table: readonly [promise: string, program: () => Ran, expected: string][] = [
    ['a program that ends well has submitted it', () => well(), 'accepted'],
    [
      'a refusal of Flink in its words is one',
      () => failed('StateCorrupt', 'Unexpected magic number'),
      'StateCorrupt',
    ],
    ['any other failure is for people', () => failed('Unclassified', 'exit code 1'), 'LaunchInDoubt'],
    ['and so is a job that Flink has already', () => failed('SubmitInDoubt', 'duplicate'), 'LaunchInDoubt'],
    ['and so is a program that was killed', cutOff, 'LaunchInDoubt'],
  ];
  test.each(table)('%s', async (_promise, program, expected) => {
    submit = program;
    expect(await outcome()).toBe(expected);
    expect(submits).toBe(1);
  });

  test.each([{ repeated: true }, { inDoubt: true }])('a call in doubt is never repeated: %j', async (how) => {
    expect(await outcome(how)).toBe('LaunchInDoubt');
    expect(submits).toBe(0);
  });

  test('a call in doubt is settled when Flink shows the run', async () => {
    world.runs.push(fakeRun({ run: NEW, state: 'RUNNING' }));
    expect(await outcome({ repeated: true })).toBe('duplicate');
    expect(submits).toBe(0);
  });
});
