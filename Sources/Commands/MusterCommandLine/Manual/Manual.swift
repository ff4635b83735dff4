/// The manual, made from the table as help is: nothing in it is written twice.
package enum Manual {
    package enum Format: String, CaseIterable, Sendable { case man, markdown }

    package struct File: Hashable, Sendable {
        package let name: String
        package let text: String
    }

    /// All of it: for `man` a page for the program and one for each command, for Markdown one file.
    package static func files(_ format: Format, of table: CommandTable, date: String) -> [File] {
        switch format {
        case .markdown: [File(name: "cli.md", text: MarkdownPage.text(table))]
        case .man:
            [File(name: "\(table.program).1", text: overview(table, date: date))]
                + table.commands.map {
                    File(name: "\(table.program)-\($0.name).1", text: page(of: $0, in: table, date: date))
                }
        }
    }

    /// The page of the program for `man`.
    static func overview(_ table: CommandTable, date: String) -> String {
        RoffPage.text(
            ManualPage(overview: table), version: table.version, date: date,
            seeAlso: table.commands.map { "\(table.program)-\($0.name)" })
    }

    /// The page of a command for `man`.
    package static func page(of command: Command, in table: CommandTable, date: String) -> String {
        RoffPage.text(
            ManualPage(command, in: table), version: table.version, date: date, seeAlso: [table.program])
    }
}
