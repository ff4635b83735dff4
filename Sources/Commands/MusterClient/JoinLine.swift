package import MusterAPI
internal import MusterCommandLine

/// One line for a shell, by which another machine becomes a worker of the fleet. It ends with the worker's own command, so that flags
/// of that may be appended.
///
/// The token goes into a file that only its owner reads, by a command of the shell's own: no list of processes ever shows it. What is
/// fetched is unpacked only if it has the checksum in the line, whoever stands between.
package struct JoinLine {
    /// Where the coordinator is reached.
    package var url: String
    package var token: String
    /// Nil: the machine has Muster already.
    package var program: JoinOffer.Program?
    /// Certificates (PEM) to trust there instead of the system's; nil: the system's.
    var authority: String?

    package init(url: String, token: String, program: JoinOffer.Program? = nil, authority: String? = nil) {
        self.url = url
        self.token = token
        self.program = program
        self.authority = authority
    }

    package var text: String { program.map(fetching) ?? installed }

    private func fetching(_ program: JoinOffer.Program) -> String {
        let from = ShellWord.of(url + program.path)
        let (curl, wget, worker) =
            authority == nil
            ? ("", "", "")
            : (#" --cacert "$d/ca.pem""#, #" --ca-certificate="$d/ca.pem""#, #" --tls-ca "$d/ca.pem""#)
        let steps = [
            #"mkdir -p -m 700 "$d""#, kept(in: #""$d/join.token""#),
            authority.map { #"printf %b \#(ShellWord.of(Self.escaped($0))) >"$d/ca.pem""# },
            #"{ curl -fsS\#(curl) -o "$d/muster.tar.gz" \#(from) || wget -q\#(wget) -O "$d/muster.tar.gz" \#(from); }"#,
            #"echo "\#(program.sha256)  $d/muster.tar.gz" | sha256sum -c - >/dev/null"#,
            #"tar -xzf "$d/muster.tar.gz" -C "$d""#,
            #"MUSTER_TOKEN= MUSTER_TOKEN_FILE="$d/join.token" "$d/muster-native/muster" worker --data "$d"\#(worker)"#
                + " --join \(ShellWord.of(url))",
        ]
        return #"d="$HOME/muster-worker"; "# + steps.compactMap { $0 }.joined(separator: " && ")
    }

    private var installed: String {
        let steps = [
            kept(in: "muster-join.token"),
            authority.map { "printf %b \(ShellWord.of(Self.escaped($0))) >muster-ca.pem" },
            "MUSTER_TOKEN= MUSTER_TOKEN_FILE=muster-join.token muster worker\(authority == nil ? "" : " --tls-ca muster-ca.pem")"
                + " --join \(ShellWord.of(url))",
        ]
        return steps.compactMap { $0 }.joined(separator: " && ")
    }

    /// The file is made anew: one that was there may be open to others.
    private func kept(in file: String) -> String {
        "(umask 077; rm -f \(file); printf '%s\\n' \(ShellWord.of(token)) >\(file))"
    }

    /// The certificates of a PEM text and nothing else of it, in one line for `printf %b`.
    private static func escaped(_ pem: String) -> String {
        var lines: [Substring] = []
        var isInside = false
        for line in pem.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN CERTIFICATE-----") { isInside = true }
            if isInside { lines.append(line) }
            if line.hasPrefix("-----END CERTIFICATE-----") { isInside = false }
        }
        return lines.map { $0 + "\\n" }.joined()
    }
}
