# Makes OUT/lib<FACE>.a and OUT/lib<FACE>.so of what cargo left in IN.
#
# Cargo's archive holds the whole of Rust's core, whose functions have global
# names: mangled ones that another Rust library in the program may have too, and
# plain ones such as fmod, which a program would get from here instead of from
# libm. So its objects are linked into one, in which only the face's functions stay
# global. wsio's list stays a member of its own: a program may bring another.
#
# With AS_IT_IS the archive is only copied.

cmake_minimum_required(VERSION 3.18)

set(wsio_functions create destroy open close send dowork setoption get_interface_description)
set(websock_functions open close send_text send_binary send_ping send_pong recv
    set_event_handler set_log_handler)
set(functions ${${FACE}_functions})
list(TRANSFORM functions PREPEND ${FACE}_)
list(TRANSFORM functions PREPEND --undefined= OUTPUT_VARIABLE roots)
list(TRANSFORM functions PREPEND --keep-global-symbol= OUTPUT_VARIABLE globals)

set(work "${OUT}/work-${FACE}")
function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY "${work}" RESULT_VARIABLE failed
        OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(failed)
        string(REPLACE ";" " " command "${ARGV}")
        message(FATAL_ERROR "${command}\n${output}")
    endif()
endfunction()

file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
set(archive "${work}/lib${FACE}.a")
if(AS_IT_IS)
    configure_file("${IN}/libwsio.a" "${archive}" COPYONLY)
else()
    run("${AR}" x "${IN}/libwsio.a")
    file(GLOB list "${work}/sdk_list-*.o")
    if(list)
        file(RENAME "${list}" "${work}/list.o")
        set(list list.o)
    endif()
    file(GLOB objects RELATIVE "${work}" "${work}/*.rcgu.o")
    run("${LD}" -r --gc-sections --force-group-allocation ${roots} -o ${FACE}.o ${objects})
    # The bitcode is for Rust's own link-time optimisation, and confuses ar. Nothing
    # here unwinds; what is left of that is a name that would draw in libgcc_s.
    run("${OBJCOPY}" --strip-debug -R .llvmbc -R .llvmcmd
        --strip-unneeded-symbol=_Unwind_Resume ${globals} ${FACE}.o)
    run("${AR}" rcsD "${archive}" ${FACE}.o ${list})
endif()

# Only what changed is copied, so that nothing is linked anew without need.
set(shared "lib${FACE}.so")
configure_file("${archive}" "${OUT}/lib${FACE}.a" COPYONLY)
configure_file("${IN}/libwsio.so" "${OUT}/${shared}.${VERSION}" COPYONLY)
file(CREATE_LINK ${shared}.${VERSION} "${OUT}/${shared}.${MAJOR}" SYMBOLIC)
file(CREATE_LINK ${shared}.${MAJOR} "${OUT}/${shared}" SYMBOLIC)
file(REMOVE_RECURSE "${work}")
