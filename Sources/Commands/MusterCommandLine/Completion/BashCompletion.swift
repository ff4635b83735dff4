/// The completion script for bash 3.2 and later.
enum BashCompletion {
    static func script(_ model: CompletionModel) -> String {
        let name = "_\(model.program)"
        return """
            # bash completion for \(model.program) \(model.version); made by '\(model.program) completion bash'.

            # Sets kind (and words) to what may follow the flag $2 of the command $1; an empty kind: it takes no value.
            \(name)_flag() {
                kind='' words=''
                case "$1 $2" in
            \(flagCases(model))
                esac
            }

            # Sets kind (and words) to what may stand at place $2 among the arguments of the command $1.
            \(name)_argument() {
                kind=none words=''
                case "$1 $2" in
            \(argumentCases(model))
                esac
            }

            # Sets words to the flags of the command $1.
            \(name)_flags() {
                words='--help'
                case "$1" in
            \(flagLists(model))
                esac
            }

            # Offers what fits $2, of the kind that was set, with $1 before each.
            \(name)_offer() {
                local line
                case "$kind" in
                files | directories)
                    local action=-f
                    [[ $kind == directories ]] && action=-d
                    compopt -o filenames 2>/dev/null
                    while IFS= read -r line; do COMPREPLY+=("$1$line"); done < <(compgen $action -- "$2")
                    ;;
                words)
                    while IFS= read -r line; do COMPREPLY+=("$1$line"); done < <(compgen -W "$words" -- "$2")
                    ;;
                esac
            }

            \(name)() {
                local current=${COMP_WORDS[COMP_CWORD]} command='' waiting='' ended='' place=0 kind='' words='' word i
                COMPREPLY=()
                for ((i = 1; i < COMP_CWORD; i++)); do
                    word=${COMP_WORDS[i]}
                    if [[ $word == '=' && -z $ended ]]; then
                        # Bash breaks --flag=value into three words.
                        [[ -n $waiting ]] || { waiting=1 kind=none; }
                    elif [[ -n $waiting ]]; then
                        waiting=''
                    elif [[ -z $command ]]; then
                        [[ $word == -* ]] || command=$word
                    elif [[ -z $ended && $word == -- ]]; then
                        ended=1
                    elif [[ -z $ended && $word == -?* ]]; then
                        if [[ $word != *=* ]]; then
                            \(name)_flag "$command" "$word"
                            [[ -z $kind ]] || waiting=1
                        fi
                    else
                        ((place++))
                    fi
                done
                [[ $current != '=' || -n $ended ]] || current=''
                if [[ -n $waiting ]]; then
                    \(name)_offer '' "$current"
                elif [[ -z $command ]]; then
                    kind=words words='\(model.entries.map(\.name).joined(separator: " ")) --help --version'
                    \(name)_offer '' "$current"
                elif [[ -z $ended && $current == --*=* ]]; then
                    \(name)_flag "$command" "${current%%=*}"
                    \(name)_offer "${current%%=*}=" "${current#*=}"
                elif [[ -z $ended && $current == -* ]]; then
                    \(name)_flags "$command"
                    kind=words
                    \(name)_offer '' "$current"
                else
                    \(name)_argument "$command" "$place"
                    \(name)_offer '' "$current"
                fi
            }

            complete -F \(name) \(model.program)

            """
    }

    private static func flagCases(_ model: CompletionModel) -> String {
        var lines: [String] = []
        for entry in model.entries {
            for flag in entry.flags where flag.takesValue {
                let patterns = flag.spellings.map { "'\(entry.name) \($0)'" }.joined(separator: " | ")
                lines.append("    \(patterns)) \(assignment(flag.kind.completion)) ;;")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func argumentCases(_ model: CompletionModel) -> String {
        var lines: [String] = []
        for entry in model.entries {
            for (place, spec) in entry.positionals.enumerated() where spec.kind.completion != .none {
                let pattern = spec.arity == .variadic ? "'\(entry.name) '*" : "'\(entry.name) \(place)'"
                lines.append("    \(pattern)) \(assignment(spec.kind.completion)) ;;")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func flagLists(_ model: CompletionModel) -> String {
        model.entries.map { entry in
            let words = (entry.flags.map { "--\($0.name)" } + ["--help"]).joined(separator: " ")
            return "    \(entry.name)) words='\(words)' ;;"
        }.joined(separator: "\n")
    }

    private static func assignment(_ completion: Completion) -> String {
        switch completion {
        case .none: "kind=none"
        case .files: "kind=files"
        case .directories: "kind=directories"
        case .words(let words): "kind=words words='\(words.joined(separator: " "))'"
        }
    }
}
