/** Waits: why each began, and what ended it. */
import type { Fault } from '../failure.js';
import type { CaseDraft, Stimulus, WaitDraft } from './draft.js';
import type { Asked, WaitFor } from './shape.js';

/** What ends a wait of each kind; what else is heard meanwhile does not. */
const ENDS: Readonly<Record<WaitFor, readonly string[]>> = {
  'the next attempt': ['time', 'dependency', 'retryNow', 'chooseRestorePoint', 'startFromNothing', 'abort'],
  'a dependency': [
    'time',
    'dependency',
    'retryNow',
    'chooseRestorePoint',
    'startFromNothing',
    'abort',
    'hold',
  ],
  Flink: ['Flink', 'failure', 'retryNow', 'chooseRestorePoint', 'startFromNothing', 'abort', 'hold'],
  'an answer': [
    'approve',
    'reject',
    'chooseRestorePoint',
    'startFromNothing',
    'retryNow',
    'abort',
    'close',
    'time',
    'Flink',
  ],
  release: ['release', 'abort', 'time'],
  'usable storage': ['dependency', 'retryNow', 'startFromNothing', 'abort'],
  'a person, after the abort': ['resume', 'startFromNothing', 'close', 'Flink'],
  'the soak': ['time', 'alert', 'close', 'abort'],
};

/** Said during a pass, and still true when the next wait begins. */
const STAYS = new Set(['retryNow', 'abort', 'close', 'hold', 'chooseRestorePoint', 'startFromNothing']);
/** Taken up by the next look. */
const TAKEN_UP = new Set(['retryNow', 'chooseRestorePoint', 'startFromNothing']);

/** What a wait is about, where it is about something. */
interface About {
  readonly fault?: Fault | null;
  readonly question?: Asked | null;
}

export function openWait(
  d: CaseDraft,
  kind: WaitFor,
  at: number,
  because: string,
  more: About = {},
): WaitDraft {
  endWait(d, at);
  const wait: WaitDraft = {
    is: 'wait',
    for: kind,
    from: at,
    to: null,
    until: null,
    because,
    fault: more.fault ?? null,
    question: more.question ?? null,
    steps: [],
    endedBy: null,
  };
  d.wait = wait;
  d.timer = null;
  d.story.push(wait);
  return wait;
}

/** The wait is over: something else begins. What ended it is the first thing that could. */
export function endWait(d: CaseDraft, at: number): void {
  const { wait } = d;
  if (wait === null) return;
  const cause = endOf(d, wait);
  if (cause !== undefined)
    wait.endedBy = { is: cause.is, at: Math.max(cause.at, wait.from), text: cause.text };
  else if (wait.until !== null && wait.until <= at)
    wait.endedBy = { is: 'time', at: wait.until, text: 'the time was up' };
  wait.to = wait.endedBy?.at ?? at;
  callOff(wait, at);
  d.wait = null;
  d.timer = null;
  // What ended the wait is used up; an abort or a hold goes on until it is acted on.
  d.stimuli = d.stimuli.filter((s) => s !== cause && !TAKEN_UP.has(s.kind) && STAYS.has(s.kind));
}

/** The server does not always record that a step was called off: its wait is over, and so is the step. */
export function callOff(wait: WaitDraft, at: number): void {
  for (const step of wait.steps)
    if (step.answer === 'none yet')
      Object.assign(step, { to: at, answer: 'called off', found: 'nobody waited for it any more' });
}

export const endOf = (d: CaseDraft, wait: WaitDraft): Stimulus | undefined =>
  d.stimuli.find((s) => ENDS[wait.for].includes(s.kind));

/** Something happened that may end a wait, this one or, if it stays said, the next one. */
export function stir(d: CaseDraft, stimulus: Stimulus): void {
  if (d.wait === null && !STAYS.has(stimulus.kind)) return;
  d.stimuli.push(stimulus);
}

/** A wait turns out to be for something else: a failed attempt was the last one, a question came of it. */
export function turnInto(
  d: CaseDraft,
  kind: WaitFor,
  at: number,
  because: string,
  more: About = {},
): WaitDraft {
  const { wait } = d;
  const goesOn = wait !== null && (wait.for === kind || (endOf(d, wait) === undefined && d.timer === null));
  if (!goesOn) return openWait(d, kind, at, because, more);
  wait.for = kind;
  wait.because = because;
  wait.fault = more.fault ?? wait.fault;
  wait.question = more.question ?? wait.question;
  return wait;
}
