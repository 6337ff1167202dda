import { connect } from 'node:http2';

/**
 * One gRPC call without a library: enough to ask a server whether it is there. The message is given and returned as
 * protobuf bytes. Fails when the call does not end with status 0 within `timeout` milliseconds.
 */
export function grpcCall(
  address: string,
  method: string,
  message: Uint8Array,
  timeout = 2000,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}`);
    const fail = (reason: unknown): void => {
      session.destroy();
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    session.once('error', fail);
    const call = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.setTimeout(timeout, () => fail(new Error(`${address}: no answer to ${method} in ${timeout} ms`)));
    call.once('error', fail);
    const chunks: Buffer[] = [];
    let status: unknown;
    let text = '';
    const readStatus = (headers: Readonly<Record<string, unknown>>): void => {
      status = headers['grpc-status'] ?? status;
      if (typeof headers['grpc-message'] === 'string') text = headers['grpc-message'];
    };
    call.on('response', readStatus);
    call.on('trailers', readStatus);
    call.on('data', (chunk: Buffer) => chunks.push(chunk));
    call.once('end', () => {
      session.close();
      if (status === '0') resolve(Buffer.concat(chunks).subarray(5));
      else reject(new Error(`${address}: ${method} ended with status ${String(status)} ${text}`));
    });
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    call.end(Buffer.concat([frame, message]));
  });
}

/** A protobuf message with one string as field 1. */
export function stringMessage(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 127) throw new Error(`at most 127 bytes, not ${bytes.length}`);
  return Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
}
