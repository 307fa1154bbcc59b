/** A data file that is missing, damaged or not what it should be; the message names the file and what was expected. */
export class DataFileError extends Error {
  override readonly name = "DataFileError";
  readonly file: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.file = file;
  }
}
