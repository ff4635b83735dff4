internal import Glibc

/// Runs scripts with the machine's shells.
package enum Shells {
    package static func has(_ shell: String) -> Bool {
        ["/bin/", "/usr/bin/", "/usr/local/bin/"].contains { access($0 + shell, X_OK) == 0 }
    }

    /// The different non-empty lines that the script printed, sorted. Throws if the shell failed or complained.
    package static func run(_ shell: String, _ option: String, _ script: String) throws -> [String] {
        let path = "/tmp/muster-completion-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        guard let file = fopen(path, "w") else { throw Failure(status: errno, output: "cannot write \(path)") }
        fputs(script, file)
        fclose(file)
        defer { unlink(path) }
        guard let pipe = popen("timeout 60 \(shell) \(option) \(path) 2>&1 </dev/null", "r") else {
            throw Failure(status: errno, output: "cannot run \(shell)")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { bytes += chunk[..<count] }
        let output = String(decoding: bytes, as: UTF8.self)
        let status = pclose(pipe)
        guard status == 0 else { throw Failure(status: status, output: output) }
        return Set(output.split(separator: "\n").map(String.init)).sorted()
    }

    package struct Failure: Error {
        let status: Int32
        let output: String
    }

    package static func quoted(_ word: String) -> String { "'" + word.replacing("'", with: "'\\''") + "'" }

    /// A script that types the line into an interactive zsh and prints what the Tab key would offer.
    ///
    /// `compadd` is wrapped, so that offers are printed before they are drawn; a key bound to a marker tells the end.
    package static func zshHarness(line: String, completion: String) -> String {
        """
        zmodload zsh/zpty
        script=$(mktemp)
        cat > $script <<'THE_END_OF_THE_SCRIPT'
        PS1= PS2= RPS1=
        unsetopt zle_bracketed_paste
        autoload -U compinit
        compinit -u -D
        \(completion)
        compadd() {
            if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
                builtin compadd "$@"
                return $?
            fi
            typeset -a offers
            builtin compadd -A offers "$@"
            local offer
            for offer in $offers; do print -r -- "<offer>$offer</offer>"; done
            builtin compadd "$@"
        }
        marker() { print -r -- '<end''>' }
        zle -N marker
        bindkey '^X' marker
        bindkey '^I' complete-word
        print -r -- '<ready''>'
        THE_END_OF_THE_SCRIPT
        TERM=dumb zpty typed zsh -f -i
        zpty -w typed "source $script"
        zpty -r -m typed answer '*<ready>*'
        zpty -n -w typed \(quoted(line))$'\\t\\x18'
        zpty -r -m typed answer '*<end>*'
        zpty -d typed
        rm -f $script
        while [[ $answer == *'<offer>'*'</offer>'* ]]; do
            answer=${answer#*'<offer>'}
            print -r -- ${answer%%'</offer>'*}
        done

        """
    }
}
