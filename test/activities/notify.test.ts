import { beforeEach, describe, expect, test } from 'vitest';
import { notify, wantedFrom, type Told } from '../../activities/notify.js';
import { openCase } from '../../activities/open-case.js';
import type { Deps } from '../../activities/deps.js';
import type { LinkedNotice, Receiver, ReceiverAnswer } from '../../adapters/ports.js';
import type { Notice, Severity } from '../../domain/notice.js';
import { depsOf, incident, type World } from '../support/fake-ports.js';

const { signal } = new AbortController();
const notice: Notice = {
  kind: 'CaseAborted',
  severity: 'critical',
  state: 'raised',
  key: 'case/o/aborted',
  ends: [],
  cluster: 'counts',
  job: 'window-counts',
  summary: 'aborted',
  at: 1,
  workflowId: 'recover/counts/window-counts',
};
const refused = (again: boolean): ReceiverAnswer => ({ is: 'refused', because: 'HTTP 503', again });

let world: World;
let deps: Deps;
let heard: LinkedNotice[];
/** A receiver that answers as listed, and then takes everything. */
const receiver = (
  name: string,
  answers: ReceiverAnswer[] = [],
  minSeverity: Severity = 'warning',
): Receiver => ({
  name,
  minSeverity,
  send: (of) => {
    heard.push(of);
    return Promise.resolve(answers.shift() ?? { is: 'taken' });
  },
});
const told = async (receivers: readonly Receiver[], of = notice, already: readonly Told[] = []) => {
  world.receivers = receivers;
  deps = depsOf(world);
  return notify(deps, of, already, signal, () => undefined);
};
beforeEach(() => {
  world = incident();
  heard = [];
});

describe('notify', () => {
  test('tries again, a bounded number of times, and then says so instead of failing', async () => {
    const [bad, good] = [
      receiver(
        'bad',
        Array.from({ length: 9 }, () => refused(true)),
      ),
      receiver('good'),
    ];
    expect(await told([bad, good])).toEqual([
      { receiver: 'bad', failed: 'HTTP 503' },
      { receiver: 'good', failed: null },
    ]);
    expect(heard).toHaveLength(5);
    expect(world.now).toBe(100_000 + 26_000);
  });

  test('a passing refusal is forgotten', async () => {
    expect(await told([receiver('one', [refused(true)])])).toEqual([{ receiver: 'one', failed: null }]);
  });

  test('does not insist where it cannot help', async () => {
    await told([receiver('one', [refused(false), refused(false)])]);
    expect(heard).toHaveLength(1);
  });

  test('tells nobody who does not want it', async () => {
    expect(await told([receiver('pager', [], 'critical')], { ...notice, severity: 'warning' })).toEqual([]);
  });

  test('goes on after a worker’s death with those who were not told yet', async () => {
    await told([receiver('a'), receiver('b')], notice, [{ receiver: 'a', failed: null }]);
    expect(heard).toHaveLength(1);
  });

  test('links to the page of the case', async () => {
    await told([receiver('a')]);
    expect(heard[0]?.link).toBe(
      'http://127.0.0.1:8233/namespaces/default/workflows/recover%2Fcounts%2Fwindow-counts',
    );
  });
});

test('a case learns at its opening from which severity on anybody wants to be told', async () => {
  const from = async (receivers: readonly Receiver[]) => {
    world.receivers = receivers;
    return (await openCase(depsOf(world), { job: 'window-counts' }, signal)).noticesFrom;
  };
  expect(await from([])).toBeNull();
  expect(await from([receiver('a', [], 'critical'), receiver('b', [], 'warning')])).toBe('warning');
  expect(wantedFrom([receiver('a', [], 'info'), receiver('b', [], 'critical')])).toBe('info');
});
