/**
 * Every error that secateur raises on purpose. Messages name the operation, what was expected and what came.
 * `code` is stable and meant for programs; the message is meant for people.
 */
export class SecateurError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A shape, rank or axis that does not fit the operation. */
export class ShapeError extends SecateurError {
  constructor(op: string, expected: string, got: string) {
    super('shape', `${op}: expected ${expected}, got ${got}`);
  }
}

/** A dtype that the operation does not take. */
export class DTypeError extends SecateurError {
  constructor(op: string, expected: string, got: string) {
    super('dtype', `${op}: expected ${expected}, got ${got}`);
  }
}

/** An option or number outside what the operation takes. */
export class ArgumentError extends SecateurError {
  constructor(op: string, expected: string, got: string) {
    super('argument', `${op}: expected ${expected}, got ${got}`);
  }
}

/** A tensor, step or device that was disposed before it was used. */
export class DisposedError extends SecateurError {
  constructor(op: string, what: string) {
    super('disposed', `${op}: ${what} was disposed before this use`);
  }
}

/** Two things that live on different devices. */
export class DeviceMismatchError extends SecateurError {
  constructor(op: string, expected: string, got: string) {
    super('device-mismatch', `${op}: expected every tensor on ${expected}, got one on ${got}`);
  }
}

/** No adapter fits the options, or the device could not be made. */
export class NoDeviceError extends SecateurError {
  constructor(message: string, options?: ErrorOptions) {
    super('no-device', message, options);
  }
}

/** The device was lost (driver reset, removal, `destroy()`); nothing on it can be read any more. */
export class DeviceLostError extends SecateurError {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super('device-lost', `the device was lost (${reason}): ${message}`);
    this.reason = reason;
  }
}

/** Memory that the device, the driver or the budget does not have. */
export class OutOfMemoryError extends SecateurError {
  constructor(message: string) {
    super('out-of-memory', message);
  }
}

/** A size beyond a limit of the adapter (binding size, buffer size, workgroups, ...). */
export class LimitError extends SecateurError {
  constructor(op: string, what: string, limit: number, got: number) {
    super('limit', `${op}: ${what} is limited to ${limit} on this device, got ${got}`);
  }
}

/** A shader that did not compile: carries the compiler's lines and the whole source. */
export class ShaderError extends SecateurError {
  readonly source: string;
  constructor(kernel: string, diagnostics: string, source: string) {
    super('shader', `kernel ${kernel} did not compile:\n${diagnostics}\n--- source ---\n${numbered(source)}`);
    this.source = source;
  }
}

/** A command that WebGPU's validation refused; reported at the next await after it. */
export class ValidationError extends SecateurError {
  constructor(message: string) {
    super('validation', message);
  }
}

/**
 * A file that does not follow its format, or holds more than reading it may take. The message names the file, the place
 * in it (line or byte, counted from 1 and 0), what was expected there and what was found.
 */
export class FormatError extends SecateurError {
  readonly file: string;
  /** `line 3, byte 120`, or `byte 120` in binary files. */
  readonly place: string;
  constructor(file: string, place: string, expected: string, got: string) {
    super('format', `${file}: ${place}: expected ${expected}, got ${got}`);
    this.file = file;
    this.place = place;
  }
}

/** A compiled step that met something it cannot replay (a readback, an upload, a changed shape, a disposed input). */
export class CaptureError extends SecateurError {
  constructor(message: string) {
    super('capture', message);
  }
}

function numbered(source: string): string {
  return source
    .split('\n')
    .map((line, i) => `${String(i + 1).padStart(4)} ${line}`)
    .join('\n');
}
