/// The shells that can be taught the command line.
package enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

/// A shell's completion script, generated from the table: commands, flags, values, files.
package enum CompletionScript {
    package static func text(for shell: Shell, _ table: CommandTable) -> String {
        let model = CompletionModel(table)
        switch shell {
        case .bash: return BashCompletion.script(model)
        case .zsh: return ZshCompletion.script(model)
        case .fish: return FishCompletion.script(model)
        }
    }
}
