internal import MusterCommandLine
internal import MusterCommands

@main
enum Muster {
    @MainActor static func main() async {
        await Runner.runProcess(MusterCommand.table)
    }
}
