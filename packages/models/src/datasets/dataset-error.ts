/** A data file that is missing, damaged or not what it should be; the message names the file and what was expected. */
export class DatasetError extends Error {
  override readonly name = "DatasetError";
  readonly file: string;

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
    this.file = file;
  }
}
