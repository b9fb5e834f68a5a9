//! Which system call a thread is in, according to `/proc/PID/syscall`, and what such a call waits for.

use linux_raw_sys::general as nr;

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It runs, or is ready to run.
    Running,
    /// It sleeps, but not in a system call: a page is being loaded for it.
    Outside,
    /// It sleeps in a system call.
    In { number: u32, arguments: [u64; 6] },
}

impl Call {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        match words.next()? {
            "running" => Some(Self::Running),
            "-1" => Some(Self::Outside),
            number => {
                let number = number.parse().ok()?;
                let mut arguments = [0; 6];
                for argument in &mut arguments {
                    let word = words.next()?.strip_prefix("0x")?;
                    *argument = u64::from_str_radix(word, 16).ok()?;
                }
                Some(Self::In { number, arguments })
            }
        }
    }

    /// What the call waits for, as far as files are concerned.
    pub(super) fn wait(&self) -> Wait {
        let Self::In {
            number,
            arguments: [first, second, third, ..],
        } = *self
        else {
            return Wait::Elsewhere;
        };
        match number {
            nr::__NR_read | nr::__NR_readv | nr::__NR_recvfrom | nr::__NR_recvmsg => {
                Wait::Reading(file(first))
            }
            nr::__NR_write | nr::__NR_writev | nr::__NR_sendto | nr::__NR_sendmsg => {
                Wait::Writing(file(first))
            }
            nr::__NR_vmsplice => Wait::Writing(file(first)),
            nr::__NR_splice | nr::__NR_copy_file_range => Wait::Moving {
                from: file(first),
                to: file(third),
            },
            nr::__NR_tee => Wait::Moving {
                from: file(first),
                to: file(second),
            },
            nr::__NR_sendfile => Wait::Moving {
                from: file(second),
                to: file(first),
            },
            nr::__NR_ppoll => Wait::Poll {
                at: first,
                count: second,
            },
            nr::__NR_pselect6 => Wait::Select {
                count: first,
                reading: second,
                writing: third,
            },
            nr::__NR_epoll_pwait | nr::__NR_epoll_pwait2 => Wait::Epoll(file(first)),
            nr::__NR_io_uring_enter => Wait::Anything,
            _ => older(number, first, second, third),
        }
    }
}

/// System calls that only older architectures have.
#[cfg(target_arch = "x86_64")]
fn older(number: u32, first: u64, second: u64, third: u64) -> Wait {
    match number {
        nr::__NR_poll => Wait::Poll {
            at: first,
            count: second,
        },
        nr::__NR_select => Wait::Select {
            count: first,
            reading: second,
            writing: third,
        },
        nr::__NR_epoll_wait => Wait::Epoll(file(first)),
        _ => Wait::Elsewhere,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn older(_: u32, _: u64, _: u64, _: u64) -> Wait {
    Wait::Elsewhere
}

/// What a thread waits for, as descriptor numbers of its process and addresses in
/// its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Reading(i32),
    Writing(i32),
    Moving {
        from: i32,
        to: i32,
    },
    Poll {
        at: u64,
        count: u64,
    },
    Select {
        count: u64,
        reading: u64,
        writing: u64,
    },
    Epoll(i32),
    /// For files, but it is unknown for which.
    Anything,
    /// For something that is not a file.
    Elsewhere,
}

/// An argument that is a descriptor number: only its lower half counts.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel takes an int, too"
)]
fn file(argument: u64) -> i32 {
    argument as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(Call::parse("running\n"), Some(Call::Running));
        assert_eq!(Call::parse("-1 0x7ffe 0x7f2d\n"), Some(Call::Outside));
        let text = format!(
            "{} 0x3 0x7f72d3f08000 0x20000 0x0 0xffffffff 0x0 0x7ffe1b0bfb38 0x7f72d40842ad\n",
            nr::__NR_read
        );
        assert_eq!(Call::parse(&text).unwrap().wait(), Wait::Reading(3));
        for wrong in ["", "0", "0 0x1", "read 0x1", "0 1 2 3 4 5 6"] {
            assert_eq!(Call::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_call_names_its_files() {
        let wait = |number| {
            let arguments = [1, 2, 3, 4, 5, 6];
            Call::In { number, arguments }.wait()
        };
        assert_eq!(wait(nr::__NR_writev), Wait::Writing(1));
        assert_eq!(wait(nr::__NR_splice), Wait::Moving { from: 1, to: 3 });
        assert_eq!(wait(nr::__NR_sendfile), Wait::Moving { from: 2, to: 1 });
        assert_eq!(wait(nr::__NR_ppoll), Wait::Poll { at: 1, count: 2 });
        assert_eq!(wait(nr::__NR_epoll_pwait), Wait::Epoll(1));
        assert_eq!(wait(nr::__NR_futex), Wait::Elsewhere);
        assert_eq!(wait(nr::__NR_wait4), Wait::Elsewhere);
    }
}
