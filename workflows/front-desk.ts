/** Where people and senders are heard: all handlers of a case, over the one reducer of `domain/desk.ts`. */
import { ApplicationFailure, setHandler, type defineUpdate } from '@temporalio/workflow';
import { hear, type Message, type Said } from '../domain/desk.js';
import type { Case } from './case.js';
import * as messages from './messages.js';
import { statusOf } from './story.js';

type UpdateOf<A extends Said> = ReturnType<typeof defineUpdate<string, [A]>>;

/**
 * Registers every handler. Called synchronously before the first await of the workflow: messages that came with the
 * start are delivered right here.
 */
export function openDesk(the: Case): void {
  const say = (message: Message): string => {
    const heard = hear(the.desk, message, Date.now());
    if (heard.is === 'refused') throw ApplicationFailure.nonRetryable(heard.why, 'Refused');
    the.desk = heard.desk;
    return `${message.kind}: heard`;
  };
  const listen = <A extends Said>(update: UpdateOf<A>, description: string, message: (said: A) => Message) =>
    setHandler(update, (said: A) => say(message(said)), {
      description,
      validator: (said: A) => {
        const heard = hear(the.desk, message(said), Date.now());
        if (heard.is === 'refused') throw ApplicationFailure.nonRetryable(heard.why, 'Refused');
      },
    });

  setHandler(messages.alertRaised, (alert) => void say({ kind: 'alertRaised', alert }), {
    description: 'A failure alert: joins this case, never starts a second one.',
  });
  setHandler(messages.alertResolved, (resolved) => void say({ kind: 'alertResolved', resolved }), {
    description: 'Information only: a case ends by proofs.',
  });
  listen(messages.approve, 'Approve the open question: {by, reason, question}', (s) => ({
    ...s,
    kind: 'approve',
  }));
  listen(messages.reject, 'Reject the open question: {by, reason, question}', (s) => ({
    ...s,
    kind: 'reject',
  }));
  listen(messages.chooseRestorePoint, 'Restore this point instead: {by, reason, path}', (s) => ({
    ...s,
    kind: 'chooseRestorePoint',
  }));
  listen(
    messages.startFromNothing,
    'Start without any restore point: {by, reason, kafkaFrom}; what is given up is asked about',
    (s) => ({ ...s, kind: 'startFromNothing' }),
  );
  listen(messages.abort, 'Stop after the running step; everything is kept: {by, reason}', (s) => ({
    ...s,
    kind: 'abort',
  }));
  listen(
    messages.hold,
    'Do nothing until released, or until a time (epoch milliseconds): {by, reason, until?}',
    (s) => ({ ...s, kind: 'hold' }),
  );
  listen(messages.release, 'End a hold: {by, reason}', (s) => ({ ...s, kind: 'release' }));
  listen(messages.resume, 'Grant an aborted case N more attempts: {by, reason}', (s) => ({
    ...s,
    kind: 'resume',
  }));
  listen(messages.retryNow, 'End the wait before the next attempt: {by, reason}', (s) => ({
    ...s,
    kind: 'retryNow',
  }));
  listen(messages.close, 'Close the case: {by, reason}', (s) => ({ ...s, kind: 'close' }));
  setHandler(messages.status, () => statusOf(the), {
    description: 'Everything about this case, for people and programs.',
  });
}

/** Cancelling the workflow, in the Temporal UI for example, carries no name and no reason. */
export function abortByCancel(the: Case): void {
  const heard = hear(
    the.desk,
    { kind: 'abort', by: 'workflow cancel', reason: 'the workflow was cancelled' },
    Date.now(),
  );
  if (heard.is === 'heard') the.desk = heard.desk;
}
