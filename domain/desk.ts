/**
 * What people and alert senders have said to a case. One pure reducer, {@link hear}, serves both the validators (may
 * this be said now?) and the handlers (it was said): they cannot disagree.
 */
import { mergeAlert, resolveAlert, type Alert, type AlertResolved, type SeenAlert } from './alert.js';
import { KAFKA_FROM, parseKafkaFrom, type FromNothing } from './kafka-from.js';

/** Who said something, and why: the audit of every decision of a person. */
export interface Said {
  readonly by: string;
  readonly reason: string;
}

/** A question that only a person can answer. Its id names attempt and plan: consent to another plan does not count. */
export interface Question {
  readonly id: string;
  /** Which decision asks, for example `onOffsetGap`, `blank`, `deadEnd`. */
  readonly about: string;
  readonly text: string;
  /** What `approve` would do; null when only `chooseRestorePoint`, `retryNow`, `abort` or `close` make sense. */
  readonly approves: string | null;
  /** Paths that may be chosen. */
  readonly choices: readonly string[];
  /** Epoch milliseconds. */
  readonly askedAt: number;
  /** Epoch milliseconds; then the case looks again and asks anew. */
  readonly expiresAt: number;
  /** What to know before answering, one line each: what approval costs, or what is to be chosen from. */
  readonly facts: readonly string[];
}

export type Answer =
  | ({ readonly is: 'approve' | 'reject'; readonly question: string } & Said)
  | ({ readonly is: 'choose'; readonly question: string | null; readonly path: string } & Said);

/** Nothing is done meanwhile. Times in epoch milliseconds. */
export interface Hold extends Said {
  readonly since: number;
  /** It ends by itself then; null or left out: only when it is released. */
  readonly until?: number | null;
  /** It comes from a standing hold and ends with it. */
  readonly standing?: boolean;
}

/** What a case is doing, as far as messages depend on it. */
export type Standing = 'working' | 'asking' | 'aborted' | 'soaking' | 'over';

export interface Desk {
  readonly standing: Standing;
  readonly alerts: readonly SeenAlert[];
  /** All alert signals, repetitions included. */
  readonly alertsHeard: number;
  readonly hold: Hold | null;
  readonly question: Question | null;
  /** Heard and not yet acted on. */
  readonly answer: Answer | null;
  readonly abort: Said | null;
  readonly resume: Said | null;
  readonly retryNow: Said | null;
  readonly close: Said | null;
  /** The job is to start from nothing. Left out, null: nobody has said so, or it was taken up. */
  readonly fromNothing?: FromNothing | null;
}

export const emptyDesk: Desk = {
  standing: 'working',
  alerts: [],
  alertsHeard: 0,
  hold: null,
  question: null,
  answer: null,
  abort: null,
  resume: null,
  retryNow: null,
  close: null,
};

export type Message =
  | { readonly kind: 'alertRaised'; readonly alert: Alert }
  | { readonly kind: 'alertResolved'; readonly resolved: AlertResolved }
  | ({ readonly kind: 'approve' | 'reject'; readonly question: string } & Said)
  | ({ readonly kind: 'chooseRestorePoint'; readonly question?: string; readonly path: string } & Said)
  | ({ readonly kind: 'startFromNothing'; readonly kafkaFrom: string } & Said)
  | ({ readonly kind: 'hold'; readonly until?: number; readonly standing?: boolean } & Said)
  | ({ readonly kind: 'abort' | 'release' | 'resume' | 'retryNow' | 'close' } & Said);

export type Heard =
  { readonly is: 'heard'; readonly desk: Desk } | { readonly is: 'refused'; readonly why: string };

const heard = (desk: Desk): Heard => ({ is: 'heard', desk });
const refused = (why: string): Heard => ({ is: 'refused', why });

/** Messages come from other programs and from the Temporal UI: their fields are checked, not believed. */
function unsigned(message: Said): string | null {
  if (typeof message.by !== 'string' || message.by.trim() === '') return 'expected "by": who says this';
  if (typeof message.reason !== 'string' || message.reason.trim() === '') return 'expected "reason": why';
  return null;
}

function stale(desk: Desk, id: string): string | null {
  if (desk.question === null) return `expected an open question, found none; see: holdfast status`;
  if (desk.question.id !== id)
    return `expected the open question ${desk.question.id}, found ${id}: the plan has changed since`;
  return null;
}

/**
 * The desk after a message, or why it cannot be said now.
 * @param now epoch milliseconds at which it was heard.
 */
export function hear(desk: Desk, message: Message, now: number): Heard {
  switch (message.kind) {
    case 'alertRaised':
      return heard({
        ...desk,
        alerts: mergeAlert(desk.alerts, message.alert, now),
        alertsHeard: desk.alertsHeard + 1,
      });
    case 'alertResolved':
      return heard({ ...desk, alerts: resolveAlert(desk.alerts, message.resolved) });
    default:
  }
  const nobody = unsigned(message);
  if (nobody !== null) return refused(nobody);
  if (desk.standing === 'over') return refused('this case is over');
  const said: Said = { by: message.by, reason: message.reason };
  switch (message.kind) {
    case 'approve':
    case 'reject': {
      const why = stale(desk, message.question);
      if (why !== null) return refused(why);
      if (message.kind === 'approve' && desk.question?.approves === null) {
        return refused('there is nothing to approve: choose a restore point, retry, abort or close');
      }
      return heard({ ...desk, answer: { is: message.kind, question: message.question, ...said } });
    }
    case 'chooseRestorePoint': {
      if (message.question !== undefined) {
        const why = stale(desk, message.question);
        if (why !== null) return refused(why);
      }
      if (!/^[a-z][a-z0-9+.-]*:\//i.test(message.path)) {
        return refused(
          `expected a full URI such as hdfs://host/path/chk-12, found ${JSON.stringify(message.path)}`,
        );
      }
      return heard({
        ...desk,
        answer: { is: 'choose', question: message.question ?? null, path: message.path, ...said },
      });
    }
    case 'startFromNothing': {
      if (parseKafkaFrom(message.kafkaFrom) === null)
        return refused(`expected kafkaFrom: ${KAFKA_FROM}, found ${JSON.stringify(message.kafkaFrom)}`);
      if (desk.standing === 'soaking')
        return refused('the job was brought back and runs: nothing is started');
      // It is a word to go on as well: an aborted case is resumed by it, a wait ends.
      const goesOn = desk.standing === 'aborted' ? { resume: said } : { retryNow: said };
      return heard({ ...desk, ...goesOn, fromNothing: { ...said, kafkaFrom: message.kafkaFrom } });
    }
    case 'abort':
      if (desk.standing === 'aborted') return refused('the case is aborted already');
      return heard({ ...desk, abort: said });
    case 'hold':
      if (desk.hold !== null)
        return refused(`the case is held already, by ${desk.hold.by}: ${desk.hold.reason}`);
      if (message.until !== undefined && !(message.until > now))
        return refused(`expected an end of the hold in the future, found ${JSON.stringify(message.until)}`);
      return heard({
        ...desk,
        hold: {
          ...said,
          since: now,
          ...(message.until === undefined ? {} : { until: message.until }),
          ...(message.standing === true ? { standing: true } : {}),
        },
      });
    case 'release':
      if (desk.hold === null) return refused('the case is not held');
      return heard({ ...desk, hold: null });
    case 'resume':
      if (desk.standing !== 'aborted')
        return refused('only an aborted case can be resumed; this one is at work');
      return heard({ ...desk, resume: said });
    case 'retryNow':
      if (desk.standing === 'aborted') return refused('the case is aborted: resume it');
      return heard({ ...desk, retryNow: said });
    case 'close':
      if (desk.standing === 'working') return refused('the case is at work: abort it first');
      return heard({ ...desk, close: said });
    default:
      return refused(
        `unknown message ${JSON.stringify((message satisfies never as { kind: unknown }).kind)}`,
      );
  }
}
