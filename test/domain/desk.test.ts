import { describe, expect, test } from 'vitest';
import type { Alert } from '../../domain/alert.js';
import { emptyDesk, hear, type Desk, type Message, type Question } from '../../domain/desk.js';

const alert = (fingerprint: string): Alert => ({
  fingerprint,
  source: 'alertmanager',
  job: 'counts',
  cluster: 'c',
  run: null,
  summary: 'down',
  startedAt: 1,
  labels: {},
  link: null,
});
const who = { by: 'anna', reason: 'looked at it' };
const question: Question = {
  id: '1-abc',
  about: 'fallback',
  text: 't',
  approves: 'restore chk-11',
  choices: [],
  askedAt: 0,
  expiresAt: 9,
  facts: [],
};
const asking: Desk = { ...emptyDesk, standing: 'asking', question };

function after(desk: Desk, ...messages: readonly Message[]): Desk {
  return messages.reduce((d, message) => {
    const heard = hear(d, message, 100);
    if (heard.is === 'refused') throw new Error(heard.why);
    return heard.desk;
  }, desk);
}

const refusals: readonly [promise: string, desk: Desk, message: Message][] = [
  ['nobody decides anonymously', emptyDesk, { kind: 'abort', by: ' ', reason: 'x' }],
  ['nobody decides without a reason', emptyDesk, { kind: 'hold', by: 'anna', reason: '' }],
  ['approval of another plan is stale', asking, { kind: 'approve', question: '1-old', ...who }],
  ['approval without a question', emptyDesk, { kind: 'approve', question: '1-abc', ...who }],
  [
    'nothing to approve',
    { ...asking, question: { ...question, approves: null } },
    { kind: 'approve', question: '1-abc', ...who },
  ],
  ['a relative restore point', emptyDesk, { kind: 'chooseRestorePoint', path: 'chk-12', ...who }],
  [
    'a start from nothing without a point in Kafka',
    emptyDesk,
    { kind: 'startFromNothing', kafkaFrom: 'yesterday', ...who },
  ],
  [
    'a start from nothing without a reason',
    emptyDesk,
    { kind: 'startFromNothing', kafkaFrom: 'earliest', by: 'anna', reason: ' ' },
  ],
  [
    'a start from nothing while the job runs again',
    { ...emptyDesk, standing: 'soaking' },
    { kind: 'startFromNothing', kafkaFrom: 'earliest', ...who },
  ],
  ['resume of a case at work', emptyDesk, { kind: 'resume', ...who }],
  ['retry of an aborted case', { ...emptyDesk, standing: 'aborted' }, { kind: 'retryNow', ...who }],
  ['close of a case at work', emptyDesk, { kind: 'close', ...who }],
  ['release without a hold', emptyDesk, { kind: 'release', ...who }],
  ['a second hold', after(emptyDesk, { kind: 'hold', ...who }), { kind: 'hold', ...who }],
  ['a hold that ends in the past', emptyDesk, { kind: 'hold', until: 99, ...who }],
  ['anything after the end', { ...emptyDesk, standing: 'over' }, { kind: 'abort', ...who }],
  ['a message that nobody knows', emptyDesk, { kind: 'dance', ...who } as unknown as Message],
];

describe('the desk', () => {
  test.each(refusals)('refuses: %s', (_promise, desk, message) => {
    expect(hear(desk, message, 100)).toMatchObject({ is: 'refused' });
  });

  test('a start from nothing ends a wait, and resumes an aborted case', () => {
    const message: Message = { kind: 'startFromNothing', kafkaFrom: 'earliest', ...who };
    const said = { ...who, kafkaFrom: 'earliest' };
    expect(after(asking, message)).toMatchObject({ fromNothing: said, retryNow: who, resume: null });
    expect(after({ ...emptyDesk, standing: 'aborted' }, message)).toMatchObject({
      fromNothing: said,
      retryNow: null,
      resume: who,
    });
  });

  test('the same alert five times is one alert, heard five times', () => {
    const five = Array.from({ length: 5 }, (): Message => ({ kind: 'alertRaised', alert: alert('f') }));
    const desk = after(emptyDesk, ...five);
    expect(desk.alerts).toHaveLength(1);
    expect(desk.alerts[0]).toMatchObject({ count: 5, firstSeen: 100, resolvedAt: null });
    expect(desk.alertsHeard).toBe(5);
  });

  test('remembers at most 32 different alerts and counts all', () => {
    const many = Array.from({ length: 50 }, (_, i): Message => ({
      kind: 'alertRaised',
      alert: alert(`f${i}`),
    }));
    const desk = after(emptyDesk, ...many);
    expect(desk.alerts).toHaveLength(32);
    expect(desk.alertsHeard).toBe(50);
  });

  test('"resolved" marks the alert and decides nothing', () => {
    const desk = after(
      emptyDesk,
      { kind: 'alertRaised', alert: alert('f') },
      { kind: 'alertResolved', resolved: { fingerprint: 'f', source: 'alertmanager', at: 50 } },
    );
    expect(desk.alerts[0]?.resolvedAt).toBe(50);
    expect(desk).toMatchObject({ abort: null, close: null, standing: 'working' });
  });

  test('a hold may have an end, and may come from a standing one', () => {
    const held = after(emptyDesk, { kind: 'hold', until: 500, standing: true, ...who });
    expect(held.hold).toEqual({ ...who, since: 100, until: 500, standing: true });
    expect(after(emptyDesk, { kind: 'hold', ...who }).hold).toEqual({ ...who, since: 100 });
  });

  test('keeps who said it and why', () => {
    expect(after(asking, { kind: 'approve', question: '1-abc', ...who }).answer).toEqual({
      is: 'approve',
      question: '1-abc',
      ...who,
    });
    expect(after({ ...emptyDesk, standing: 'aborted' }, { kind: 'resume', ...who }).resume).toEqual(who);
    expect(after(emptyDesk, { kind: 'hold', ...who }, { kind: 'release', ...who }).hold).toBeNull();
  });
});
