import { readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { oneLine, refusalOf, type RefusalKind } from '../../adapters/webhdfs-answers.js';
import { fsckReportIn, nameNodeStateIn } from '../../adapters/webhdfs-health.js';
import { capturedBody, capturedStatus } from './webhdfs-fake.js';

/** What each captured refusal of a real NameNode or DataNode must mean. */
const EXPECTED: Readonly<Record<string, RefusalKind>> = {
  'access-denied-liststatus': 'denied',
  'access-denied-mkdirs': 'denied',
  'access-denied-nouser': 'denied',
  'access-denied-open': 'denied',
  'access-denied-status': 'denied',
  'after-dn-open': 'safe-mode',
  'bad-op': 'unsupported',
  'bad-param': 'unsupported',
  'create-exists-dn': 'exists',
  'delete-nonempty': 'remote',
  'ha-active-safemode-create': 'blocks',
  'ha-active-safemode-open': 'blocks',
  'ha-after-failover-nn1': 'standby',
  'ha-both-no-active': 'standby',
  'ha-standby-contentsummary': 'standby',
  'ha-standby-delete': 'standby',
  'ha-standby-getfilestatus': 'standby',
  'ha-standby-liststatus': 'standby',
  'ha-standby-mkdirs': 'standby',
  'ha-standby-open': 'standby',
  'ha-standby-rename': 'standby',
  'ha-standby-safemode-open': 'standby',
  'liststatus-not-found': 'not-found',
  'mkdirs-over-file': 'exists',
  'no-datanode-checksum': 'blocks',
  'no-datanode-create': 'blocks',
  'no-datanode-open': 'blocks',
  'not-found': 'not-found',
  'open-directory-dn': 'not-a-file',
  'open-not-found': 'not-found',
  'open-offset-beyond': 'beyond-end',
  'path-is-not-directory': 'not-a-directory',
  'safemode-create-dn': 'safe-mode',
  'safemode-delete': 'safe-mode',
  'safemode-mkdirs': 'safe-mode',
  'safemode-open': 'not-found',
  'safemode-rename': 'safe-mode',
  'safemode-setperm': 'safe-mode',
  'startup-safemode-create': 'blocks',
  'startup-safemode-mkdirs': 'safe-mode',
  'startup-safemode-open': 'safe-mode',
};

const captured = readdirSync(new URL('../fixtures/captures/webhdfs/', import.meta.url))
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length))
  .filter((name) => capturedBody(`${name}.json`).includes('RemoteException'));

/** A DataNode's answers were captured without their heads: they are all 403 or 404, which the body must tell apart. */
const statusOf = (name: string): number =>
  name.endsWith('-dn') || name === 'open-offset-beyond' ? 403 : capturedStatus(name);

describe('a captured refusal of HDFS', () => {
  it('is known for each capture, and each expectation has one', () => {
    expect(new Set(captured)).toEqual(new Set(Object.keys(EXPECTED)));
  });

  it.each(captured)('%s gets its kind', (name) => {
    const answer = { status: statusOf(name), headers: {}, body: Buffer.from(capturedBody(`${name}.json`)) };
    const refusal = refusalOf(answer);
    expect(refusal.kind).toBe(EXPECTED[name]);
    expect(refusal.message).not.toMatch(/\n|\.java:\d/);
    expect(refusal.message.length).toBeLessThan(420);
  });
});

const refusal = (status: number, body: string, type = 'application/json') =>
  refusalOf({ status, headers: { 'content-type': type }, body: Buffer.from(body) }).kind;

const remote = (exception: string, message = '') =>
  JSON.stringify({ RemoteException: { exception, message } });

describe('a refusal by its exception', () => {
  it.each<[string, string, RefusalKind]>([
    ['ObserverRetryOnActiveException', '', 'standby'],
    ['RetriableException', 'Namenode is in startup mode', 'retriable'],
    [
      'RetriableException',
      'org.apache...SafeModeException: Zero blocklocations for /x. Name node is in safe mode.',
      'safe-mode',
    ],
    ['SecurityException', 'Failed to obtain user group information', 'auth'],
    ['InvalidToken', 'token (HDFS_DELEGATION_TOKEN) is expired', 'auth'],
    ['SecretManager$InvalidToken', "token can't be found in cache", 'auth'],
    ['AuthorizationException', 'User a is not allowed to impersonate b', 'denied'],
    ['NSQuotaExceededException', '', 'quota'],
    ['DSQuotaExceededException', '', 'quota'],
    ['BlockMissingException', 'Could not obtain block: BP-1 file=/x', 'blocks'],
    ['ChecksumException', 'Checksum error: /x', 'blocks'],
    ['IOException', 'No nodes contain this block', 'blocks'],
    ['UnresolvedPathException', '', 'remote'],
    ['ParentNotDirectoryException', '/x (is not a directory)', 'not-a-directory'],
    ['UnsupportedOperationException', '', 'unsupported'],
    ['IOException', 'something new', 'remote'],
  ])('%s (%s) is %s', (exception, message, kind) => {
    expect(refusal(403, remote(exception, message))).toBe(kind);
  });

  it.each<[number, string, RefusalKind]>([
    [401, '<html>Authentication required</html>', 'auth'],
    [403, '', 'protocol'],
    [404, '<html>not here</html>', 'protocol'],
    [404, '{"RemoteException":null}', 'protocol'],
    [404, '{"RemoteException":{"exception":["FileNotFoundException"]}}', 'protocol'],
    [302, '', 'protocol'],
    [410, 'gone', 'protocol'],
    [429, 'slow down', 'unavailable'],
    [500, '<html/>', 'unavailable'],
    [502, '', 'unavailable'],
    [503, 'no server is available', 'unavailable'],
  ])('HTTP %d without one (%s) is %s, never not-found', (status, body, kind) => {
    expect(refusal(status, body, 'text/html')).toBe(kind);
  });

  it('drops stack traces and secrets from its message', () => {
    expect(oneLine('bad\n  thing delegation=hunter2&x=1\n\tat a.b(C.java:1)\n\tat d.e(F.java:2)')).toBe(
      'bad thing delegation=***&x=1',
    );
  });
});

describe('a report of fsck', () => {
  it('names lost and damaged files', () => {
    expect(fsckReportIn(capturedBody('fsck-corrupt.txt'), '/flink')).toEqual({
      is: 'report',
      health: { healthy: false, missingFiles: ['/flink/lost one'], corruptFiles: ['/flink/damaged'] },
    });
  });

  it('says healthy with its last line', () => {
    const health = { healthy: true, missingFiles: [], corruptFiles: [] };
    expect(fsckReportIn(capturedBody('fsck-healthy.txt'), '/flink/holdfast')).toEqual({
      is: 'report',
      health,
    });
  });

  it('is unusable when it was cut anywhere before its last line', () => {
    const whole = capturedBody('fsck-healthy.txt');
    for (let length = 0; length < whole.length - 1; length += 1)
      expect(fsckReportIn(whole.slice(0, length), '/flink/holdfast').is).toBe('unusable');
  });

  it('tells a missing path from a denied one', () => {
    expect(fsckReportIn(capturedBody('fsck-missing-path.txt'), '/flink/nope')).toEqual({
      is: 'no-such-path',
    });
    expect(fsckReportIn(capturedBody('fsck-denied.txt'), '/flink')).toMatchObject({ is: 'denied' });
  });
});

describe('the state of a NameNode', () => {
  it('is read from JMX, with and without HA', () => {
    expect(nameNodeStateIn(Buffer.from(capturedBody('ha-jmx-status.json')))).toEqual({
      state: 'active',
      hostAndPort: 'localhost:28021',
      lastTransition: 1795407511658,
    });
    expect(nameNodeStateIn(Buffer.from(capturedBody('jmx-status-single.json')))).toMatchObject({
      state: 'active',
    });
  });

  it('is starting while the bean is not there, and nothing when the answer is no JMX', () => {
    expect(nameNodeStateIn(Buffer.from('{"beans":[]}'))).toMatchObject({ state: 'starting' });
    expect(nameNodeStateIn(Buffer.from('<html/>'))).toBeNull();
  });
});
