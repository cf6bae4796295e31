# The line is not among the arguments of a process, where others would see a password in it.
function __mastersctl_complete
    set -lx COMP_LINE (commandline -cp | string collect)
    set -lx _MASTERSCTL_COMPLETE fish_complete
    set -l program (commandline -opc)[1]
    set -l answer ($program 2>/dev/null)
    switch "$answer[1]"
        case dir
            __fish_complete_directories (commandline -ct)
        case file
            set -l option (commandline -ct | string match -r '^--[^=]*=')
            set -l start (commandline -ct | string replace -r '^--[^=]*=' '')
            string join \n -- "$option"(__fish_complete_path "$start")
        case plain
            string join \n -- $answer[2..]
    end
end

complete --command mastersctl --no-files --keep-order --arguments '(__mastersctl_complete)'
