import Testing

/// `docs/run-options.md` has a row for each option of those that people come from. The lists are of the versions that the page names.
@Suite struct PeerOptionTests {
    struct Peer: CustomTestStringConvertible {
        let name: String
        /// The headings of the page under which its options may have a row.
        let headings: [String]
        let options: String
        var testDescription: String { name }
    }

    /// From `parallel(1)`, `xargs(1)` and the definition of `hq submit`: every way to write each.
    static let peers = [
        Peer(
            name: "GNU parallel 20221122", headings: ["Placeholders", "GNU parallel"],
            options: """
                ::: ::::  :::+ ::::+
                -0 -a -C -d -E -e -h -I -i -J -j -k -L -l -M -m -N -n -o -P -p -q -r -S -s -t -u -V -v -X -x
                --arg-file --arg-file-sep --arg-sep --bar --basefile --basenameextensionreplace --basenamereplace --bf --bg --bin
                --block --block-size --block-timeout --bner --bnr --bt --cat --cf --cleanup --color --color-failed --colsep --compress
                --compress-program --controlmaster --csv --ctag --ctagstring --decompress-program --delay --delimiter
                --dirnamereplace --dnr --dry-run --embed --env --eof --er --eta --exit --extensionreplace --fg --fifo --files --filter
                --filter-hosts --gnu --group --group-by --halt --halt-on-error --hashbang --header --help --hgrp --hostgroups --id
                --interactive --jl --joblog --jobs --keep-order --latest-line --lb --limit --line-buffer --link --ll --load
                --max-args --max-chars --max-line-length-allowed --max-lines --max-procs --max-replace-args --memfree --memsuspend
                --minversion --nice --no-keep-order --no-run-if-empty --nonall --noswap --null --number-of-cores --number-of-cpus
                --number-of-sockets --number-of-threads --onall --open-tty --output-as-files --outputasfiles --parens --pipe
                --pipe-part --plain --plus --process-slot-var --profile --progress --quote --recend --record-env --recstart --regexp
                --remove-rec-sep --removerecsep --replace --res --results --resume --resume-failed --retries --retry-failed --return
                --round --round-robin --rpl --rrs --rsync-opts --semaphore --semaphore-name --semaphore-timeout --seqreplace --session
                --shard --shebang --shebang-wrap --shell-completion --shell-quote --show-limits --shuf --silent --skip-first-line
                --slf --slotreplace --spreadstdin --sql --sql-and-worker --sql-master --sql-worker --ssh --ssh-delay --sshlogin
                --sshloginfile --st --tag --tagstring --tee --template --term-seq --tf --timeout --tmpdir --tmpl --tmux --tmuxpane
                --total --total-jobs --transfer --transferfile --trc --trim --tty --ungroup --use-cores-instead-of-threads
                --use-cpus-instead-of-cores --use-sockets-instead-of-threads --verbose --version --wait --wd --workdir --xapply --xargs
                """),
        Peer(
            name: "xargs of findutils 4.9", headings: ["xargs"],
            options: """
                -0 --null -a --arg-file -d --delimiter -E -e --eof -I -i --replace -L -l --max-lines -n --max-args -o --open-tty
                -P --max-procs -p --interactive --process-slot-var -r --no-run-if-empty -s --max-chars --show-limits -t --verbose
                -x --exit --help --version
                """),
        Peer(
            name: "hq submit 0.27", headings: ["`hq submit`"],
            options: """
                --nodes --cpus --resource --time-request --name --pin --cwd --stdout --stderr --env --each-line --from-json --array
                --max-fails --priority --weight --time-limit --log --stream --task-dir --crash-limit --wait --progress --stdin
                --directives --on-notify --job
                """),
    ]

    @Test(arguments: peers) func eachHasARow(_ peer: Peer) {
        let page = RepositoryTests.text("\(RepositoryTests.root)/docs/run-options.md")
        let wanted = peer.options.split(whereSeparator: \.isWhitespace).map(String.init)
        let missing = Set(wanted).subtracting(Self.options(of: page, under: peer.headings))
        #expect(missing.isEmpty, "docs/run-options.md has no row for \(missing.sorted()) of \(peer.name)")
        #expect(Set(wanted).count == wanted.count, "an option stands twice in the list of \(peer.name)")
    }

    /// What stands in code in the first column of the tables under these headings, without what follows an option in it.
    static func options(of page: String, under headings: [String]) -> Set<String> {
        var found: Set<String> = []
        var isWanted = false
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { isWanted = headings.contains(String(line.dropFirst(3))) }
            guard isWanted, line.hasPrefix("| ") else { continue }
            let first = line.dropFirst(2).split(separator: " | ", maxSplits: 1)[0]
            // Code is every other piece between the marks.
            for (place, code) in first.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            where place % 2 == 1 {
                if let word = code.split(separator: " ").first { found.insert(String(word)) }
            }
        }
        return found
    }

    @Test func onlyTheFirstColumnOfTheRightTablesCounts() {
        let page = "## A\n| `-a`, `--all N` | `-b` |\n## B\n| `-c` | x |\n"
        #expect(Self.options(of: page, under: ["A"]) == ["-a", "--all"])
    }
}
