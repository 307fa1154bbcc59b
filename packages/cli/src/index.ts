// This package is a command: there is nothing in it to import.
export {};
