/// What the command line of a run asks for, beside its words.
package struct RunFlags: Sendable {
    package enum Form: Hashable, Sendable { case shell, arguments }
    /// What of an earlier run is not run again: what has ended, or what has succeeded.
    package enum Resume: Hashable, Sendable { case missing, failed }

    package var isNullSeparated = false
    /// As `ColumnSeparator` reads it.
    package var columnSeparator: String?
    /// As `ArrayRanges` reads it.
    package var range: String?
    /// Values of nothing but blanks are left out.
    package var skipsBlank = false
    package var isShuffled = false
    /// `--max-args`: so many values of the one source make a task. 1…`valuesEachMax`.
    package var valuesEach: Int?
    /// As the kernel takes of one task.
    package static let valuesEachMax = 256
    /// `--pipe`: standard input is cut into blocks of so many bytes, and each is one command's input. Nil: commands have values.
    package var blockBytes: Int?
    /// Nil: as the command looks.
    package var form: Form?
    package var request = RunRequest()
    package var output = RunOutput.Options()
    package var isDryRun = false
    package var isDetached = false
    package var halt: String?
    package var logPath: String?
    package var resumes: Resume?
    package var resultsPath: String?
    package var files = RunFileFlags()

    package init() {}
}
