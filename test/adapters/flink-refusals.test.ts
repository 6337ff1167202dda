import { existsSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { causesIn, decidingText } from '../../adapters/flink-answers.js';
import { flinkRefusalOf } from '../../adapters/flink-refusals.js';
import { capture } from './flink-fake.js';

/** What each captured refusal must mean (docs: "Restore through POST /jars/:id/run"). */
const EXPECTED: Readonly<Record<string, string>> = {
  'c-metadata-truncated': 'StateCorrupt',
  'c-metadata-empty': 'StateCorrupt',
  'c-metadata-garbage': 'StateCorrupt',
  'c-metadata-missing': 'StateMissing',
  'c-path-unknown': 'StateMissing',
  'c-path-relative': 'StateMissing',
  'c-unknown-allow': 'StateMissing',
  'c-state-unmapped': 'StateIncompatible',
  'c-wrong-port': 'StorageUnavailable',
  'c-unknown-host': 'StorageUnavailable',
  'c-nn-down': 'StorageUnavailable',
  'c-safemode': 'StorageSafeMode',
  'c-dn-down': 'StorageNotWritable',
  'd-duplicate-running': 'duplicate',
  'd-jobid-malformed': 'ConfigInvalid',
  'd-mode-invalid': 'ConfigInvalid',
};

const root = new URL('../fixtures/captures/', import.meta.url);
const refusals = ['flink-1.20', 'flink-2.2'].flatMap((version) =>
  readdirSync(new URL(version, root))
    .filter((name) => existsSync(new URL(`${version}/${name}/status.txt`, root)))
    .filter((name) => capture(`${version}/${name}/status.txt`).startsWith('400'))
    .map((name) => ({ version, name })),
);

const kindOf = (trace: string): string => {
  const refusal = flinkRefusalOf(trace);
  return refusal.is === 'duplicate' ? 'duplicate' : refusal.code;
};

const traceOf = (version: string, name: string): string =>
  (JSON.parse(capture(`${version}/${name}/response.json`)) as { errors: string[] }).errors.join('\n');

describe('a captured refusal of /jars/run', () => {
  it('is known for each capture, and each expectation has one', () => {
    expect(new Set(refusals.map(({ name }) => name))).toEqual(new Set(Object.keys(EXPECTED)));
  });

  it.each(refusals)('$version $name gets its kind', ({ version, name }) => {
    expect(kindOf(traceOf(version, name))).toBe(EXPECTED[name]);
  });
});

const chain = (...causes: readonly string[]): string =>
  ['org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.', ...causes]
    .map(
      (cause, index) =>
        `${index === 0 ? '' : 'Caused by: '}${cause}\n\tat some.Class.method(Class.java:1)\n\t... 4 more`,
    )
    .join('\n');

const LOADING = 'org.apache.flink.runtime.client.JobInitializationException: Could not start the JobMaster.';
const UPLOAD = 'org.apache.flink.util.FlinkException: Could not upload job files.';
const MAIN =
  'org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: boom';

describe('a refusal by its last cause', () => {
  it.each([
    [
      'a newer metadata format',
      chain(LOADING, 'java.io.IOException: Unrecognized checkpoint version number: 7'),
      'StateTooNew',
    ],
    [
      'another max parallelism',
      chain(
        LOADING,
        'java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint x. Max parallelism mismatch between checkpoint/savepoint state and new program.',
      ),
      'StateIncompatible',
    ],
    [
      'a block that no DataNode serves',
      chain(
        LOADING,
        'org.apache.hadoop.hdfs.BlockMissingException: Could not obtain block: BP-1:blk_1 file=/x',
      ),
      'BlocksMissing',
    ],
    [
      'a standby NameNode',
      chain(
        LOADING,
        'org.apache.hadoop.ipc.RemoteException(org.apache.hadoop.ipc.StandbyException): Operation category READ is not supported in state standby.',
      ),
      'StorageStandby',
    ],
    [
      'a denied path',
      chain(
        LOADING,
        'org.apache.hadoop.security.AccessControlException: Permission denied: user=flink, access=READ',
      ),
      'AccessDenied',
    ],
    [
      'an expired token',
      chain(
        LOADING,
        'org.apache.hadoop.ipc.RemoteException(org.apache.hadoop.security.token.SecretManager$InvalidToken): token (HDFS_DELEGATION_TOKEN owner=flink) is expired',
      ),
      'AuthFailed',
    ],
    [
      'a full quota',
      chain(
        UPLOAD,
        'org.apache.hadoop.hdfs.protocol.DSQuotaExceededException: The DiskSpace quota of /flink is exceeded',
      ),
      'StorageNotWritable',
    ],
    [
      'no slots',
      chain(
        LOADING,
        'org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum required resources.',
      ),
      'NoSlots',
    ],
    [
      'a state file that is gone while loading',
      chain(LOADING, 'java.io.FileNotFoundException: File does not exist: /flink/cp/chk-1/_metadata'),
      'StateMissing',
    ],
    [
      'a file that the NameNode says is gone while loading',
      chain(
        LOADING,
        'org.apache.hadoop.ipc.RemoteException(java.io.FileNotFoundException): File does not exist: /flink/cp/chk-1/_metadata',
      ),
      'StateMissing',
    ],
    [
      'a Hadoop connection that ended',
      chain(
        LOADING,
        'java.io.EOFException: End of File Exception between local host is: "a"; destination host is: "nn":8020',
      ),
      'StorageUnavailable',
    ],
    [
      'a reset Hadoop connection while uploading',
      chain(UPLOAD, 'java.io.IOException: Connection reset by peer'),
      'StorageUnavailable',
    ],
    [
      "Flink's own call that timed out",
      chain(
        'org.apache.flink.util.FlinkException: Failed to submit job.',
        'java.util.concurrent.TimeoutException: Invocation of [RemoteRpcInvocation(DispatcherGateway.submitJob(JobGraph, Duration))] at recipient [pekko.tcp://x] timed out.',
      ),
      'SubmitInDoubt',
    ],
  ])('%s', (_, trace, expected) => {
    expect(kindOf(trace)).toBe(expected);
  });

  it.each([
    [
      "the main method's own missing file",
      chain(MAIN, 'java.io.FileNotFoundException: File does not exist: /etc/program.properties'),
    ],
    ["the main method's own cut file", chain(MAIN, 'java.io.EOFException')],
    [
      "the main method's own refused connection",
      chain(MAIN, 'java.net.ConnectException: Connection refused (db:5432)'),
    ],
  ])('says nothing about the restore point for %s', (_, trace) => {
    expect(kindOf(trace)).toBe('Unclassified');
  });
});

describe('the deciding text', () => {
  it('is the last cause without its stack', () => {
    expect(
      decidingText('a.B: one\n\tat x.Y(z)\nCaused by: c.D: two\nlines\n\tat x.Y(z)\n\t... 3 more\n'),
    ).toBe('c.D: two lines');
  });

  it('is the first line when there is no cause', () => {
    expect(decidingText('a.B: one\n\tat x.Y(z)')).toBe('a.B: one');
  });

  it('leaves out the stack that a NameNode puts into its message', () => {
    const trace = traceOf('flink-1.20', 'c-safemode');
    expect(decidingText(trace)).toMatch(
      /^org.apache.hadoop.ipc.RemoteException\(.*SafeModeException\): Cannot create file/,
    );
    expect(decidingText(trace)).not.toContain('FSNamesystem.java');
    expect(decidingText(trace).length).toBeLessThanOrEqual(500);
  });

  it('keeps the chain in order', () => {
    expect(causesIn(chain('a: 1', 'b: 2'))).toEqual([
      'org.apache.flink.runtime.rest.handler.RestHandlerException: Could not execute application.',
      'a: 1',
      'b: 2',
    ]);
  });
});
